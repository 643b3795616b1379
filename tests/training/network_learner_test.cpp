#include "nn/training/network_learner.h"

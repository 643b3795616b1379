#include "nn/training/objective.h"

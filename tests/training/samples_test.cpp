#include "nn/training/samples.h"

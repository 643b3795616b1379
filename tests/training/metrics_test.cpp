#include "nn/training/metrics.h"

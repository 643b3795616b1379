#include "nn/training/training_file.h"

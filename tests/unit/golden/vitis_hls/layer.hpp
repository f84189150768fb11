// levada: what the test bench is for.
#include "mvau_1.hpp"
#include "ports.hpp"
#define LEVADA_TOP mvau_1

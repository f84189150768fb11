// levada: memory ports of the chip for mlp.
#pragma once
#define LEVADA_READ_PORTS(X) X(0) X(1)
#define LEVADA_WRITE_PORTS(X) X(0)

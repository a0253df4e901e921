#ifndef CRESOLVER_H
#define CRESOLVER_H

#include <stdint.h>

/// Has `getaddrinfo` on this thread ask a name server on 127.0.0.1 alone; 0 where that is so.
int resolver_use_port(uint16_t port);

#endif

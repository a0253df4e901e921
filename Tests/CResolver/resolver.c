#include "CResolver.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <resolv.h>
#include <string.h>

int resolver_use_port(uint16_t port) {
    if (res_init() != 0) return -1;
    struct sockaddr_in server = {0};
    server.sin_family = AF_INET;
    server.sin_port = htons(port);
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    _res.nscount = 1;
    _res.nsaddr_list[0] = server;
    /* A question that is asked again would count twice. */
    _res.retrans = 10;
    _res.retry = 1;
    _res.dnsrch[0] = NULL;
    return 0;
}

/* The limit: a socketmap server that does nothing but take requests apart and send one reply.
 *
 * usage: epoll_server PORT REPLY
 *
 * One thread, level-triggered epoll, 127.0.0.1 only. For each netstring received it sends REPLY as
 * a netstring. No program that answers over these sockets from one thread can need much less CPU.
 * It ends by a signal. */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    BACKLOG = 1024,      /* a shorter one makes connections wait for a second */
    EVENTS = 256,        /* taken from epoll at a time */
    DESCRIPTORS = 8192,  /* connections are found by their descriptor */
    CHUNK = 16384,       /* bytes read at a time */
    REQUEST_MAX = 10000, /* bytes of a request; a longer one ends the connection */
    REPLY_MAX = 1024,
};

/* What of a request has not come yet: its length while `digits` > 0, or `left` bytes of the rest. */
struct connection {
    int digits, length, left;
};

static struct connection connections[DESCRIPTORS];
static char reply[REPLY_MAX + 16];
static size_t reply_length;

static void die(const char *what) {
    perror(what);
    exit(1);
}

/* Return how many requests `data` completes, or -1 where it is no netstring. */
static int count_requests(struct connection *c, const char *data, ssize_t size) {
    int requests = 0;
    for (const char *end = data + size; data < end;) {
        if (c->left) {
            int step = c->left < end - data ? c->left : (int)(end - data);
            data += step;
            c->left -= step;
            if (!c->left) {
                if (data[-1] != ',') return -1;
                requests++;
            }
        } else if (*data >= '0' && *data <= '9') {
            c->length = c->length * 10 + (*data++ - '0');
            if (++c->digits > 5 || c->length > REQUEST_MAX) return -1;
        } else if (*data == ':' && c->digits) {
            data++;
            c->left = c->length + 1;
            c->digits = c->length = 0;
        } else {
            return -1;
        }
    }
    return requests;
}

/* Answer what has come; return whether the connection lives on. */
static int serve(int fd) {
    static char in[CHUNK], out[(CHUNK / 3 + 1) * (REPLY_MAX + 16)];
    ssize_t size = recv(fd, in, sizeof in, 0);
    if (size < 0) return errno == EAGAIN || errno == EINTR;
    int requests = size ? count_requests(&connections[fd], in, size) : -1;
    if (requests < 0) return 0;
    for (int i = 0; i < requests; i++) memcpy(out + i * reply_length, reply, reply_length);
    size_t length = requests * reply_length;
    /* A peer that does not take its replies is no peer of a benchmark. */
    return !length || send(fd, out, length, MSG_NOSIGNAL) == (ssize_t)length;
}

static void accept_all(int epoll, int listener) {
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) return;
        int one = 1;
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
        if (fd >= DESCRIPTORS || setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) ||
            epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event)) {
            close(fd);
            continue;
        }
        connections[fd] = (struct connection){0};
    }
}

int main(int argc, char **argv) {
    if (argc != 3 || strlen(argv[2]) > REPLY_MAX) {
        fprintf(stderr, "usage: epoll_server PORT REPLY\n");
        return 2;
    }
    reply_length = (size_t)sprintf(reply, "%zu:%s,", strlen(argv[2]), argv[2]);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)atoi(argv[1])),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    if (listener < 0 || setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) ||
        bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, BACKLOG))
        die("epoll_server");
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event listening = {.events = EPOLLIN, .data.fd = listener};
    if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &listening)) die("epoll");
    for (;;) {
        struct epoll_event events[EVENTS];
        int ready = epoll_wait(epoll, events, EVENTS, -1);
        if (ready < 0 && errno != EINTR) die("epoll_wait");
        for (int i = 0; i < ready; i++) {
            if (events[i].data.fd == listener)
                accept_all(epoll, listener);
            else if (!serve(events[i].data.fd))
                close(events[i].data.fd);
        }
    }
}

/* The load generator: socketmap requests over many connections, every reply checked.
 *
 * usage: load OPTION=VALUE...
 *   --address inet:HOST:PORT | unix:/PATH
 *   --keys=FILE        lines of REQUEST<tab>REPLY; sent in turn, over all connections together
 *   --connections=N    at once (default 1)
 *   --depth=K          requests sent in one piece, and their replies awaited (default 1)
 *   --reconnect=1      a connection of its own for each request
 *   --seconds=S        how long (default 2)
 *   --requests=N       how many at most (default: no bound but the time)
 *   --once=1           ask each key once, then end
 *   --learn=FILE       do not check: write REQUEST<tab>REPLY to FILE, for the next run
 *   --patience=S       wait so long for the first connection to be accepted (default 0)
 *
 * Prints one JSON object: requests, how many the server put off (TEMP, where something else was
 * awaited), errors, the first error, seconds, and the latency in microseconds as percentiles. Each
 * connection waits for its replies before it asks again, so a server that stalls is asked less: the
 * percentiles are those of what was asked.
 * Exit status 1: no connection, or nothing answered. One thread; its own work per request is a
 * table look-up and a comparison, so what it costs is the system calls. */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
    CONNECTIONS_MAX = 4096,
    DEPTH_MAX = 128,
    EVENTS = 256,
    REPLY_MAX = 100000,      /* socketmap_table(5): what Postfix takes at most */
    SECONDS_MAX = 600,       /* whatever was asked for: the load ends */
    STALL_SECONDS = 40,      /* without any reply: the server is dead; cold look-ups may take 20 */
    SUB_BUCKETS = 128,       /* of the histogram, per power of two: within 1 percent */
    POWERS = 48,
};

struct key {
    const char *request, *reply; /* as netstrings */
    size_t request_length, reply_length;
    const char *text; /* the request as it stands in the file */
};

struct connection {
    int fd, connecting;
    size_t in_flight, first;   /* keys in flight, and the place of the first of them in `asked` */
    size_t asked[DEPTH_MAX];   /* indices of keys */
    uint64_t sent_at;
    size_t size, capacity;     /* bytes received and not yet taken */
    char *buffer;
};

static struct key *keys;
static size_t key_count, next_key;
static struct connection connections[CONNECTIONS_MAX];
static struct sockaddr_storage address;
static socklen_t address_length;
static size_t connection_count = 1, depth = 1;
static int reconnect_each, once, epoll_fd;
static uint64_t requests_max = UINT64_MAX, asked_total, answered_total, deferred, errors;
static uint64_t histogram[POWERS * SUB_BUCKETS], longest;
static char first_error[400];
static char **learnt;
static int learning;

static void die(const char *what, const char *which) {
    fprintf(stderr, "load: %s %s: %s\n", what, which, errno ? strerror(errno) : "not valid");
    exit(2);
}

static uint64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void *allocated(size_t size) {
    void *memory = calloc(1, size);
    if (!memory) die("out of", "memory");
    return memory;
}

/* -- latency ------------------------------------------------------------------------------- */

/* Values below SUB_BUCKETS have a bucket each; above, each power of two has SUB_BUCKETS / 2. */
static size_t bucket_of(uint64_t value) {
    if (value < SUB_BUCKETS) return (size_t)value;
    int shift = 63 - __builtin_clzll(value) - 6; /* 6: log2(SUB_BUCKETS) - 1 */
    size_t index = (size_t)shift * (SUB_BUCKETS / 2) + (size_t)(value >> shift);
    size_t last = sizeof histogram / sizeof *histogram - 1;
    return index < last ? index : last;
}

static uint64_t value_of(size_t bucket) {
    if (bucket < SUB_BUCKETS) return bucket;
    size_t shift = bucket / (SUB_BUCKETS / 2) - 1;
    return (uint64_t)(bucket - shift * (SUB_BUCKETS / 2)) << shift;
}

static void note_latency(uint64_t nanoseconds) {
    histogram[bucket_of(nanoseconds)]++;
    if (nanoseconds > longest) longest = nanoseconds;
}

static double percentile(double part) {
    uint64_t wanted = (uint64_t)(part * (double)answered_total), seen = 0;
    for (size_t i = 0; i < sizeof histogram / sizeof *histogram; i++) {
        seen += histogram[i];
        if (seen > wanted) return (double)value_of(i) / 1000.0;
    }
    return (double)longest / 1000.0;
}

/* -- what is asked ------------------------------------------------------------------------- */

static const char *netstring(const char *text, size_t *length) {
    char *made;
    int size = asprintf(&made, "%zu:%s,", strlen(text), text);
    if (size < 0) die("out of", "memory");
    *length = (size_t)size;
    return made;
}

static void read_keys(const char *path) {
    FILE *file = fopen(path, "r");
    if (!file) die("cannot open", path);
    char *line = NULL;
    size_t capacity = 0, room = 0;
    for (ssize_t size; (size = getline(&line, &capacity, file)) > 0;) {
        if (line[size - 1] == '\n') line[size - 1] = 0;
        char *reply = strchr(line, '\t');
        if (!reply) die("a line without a tab in", path);
        *reply++ = 0;
        if (key_count == room) {
            room = room ? room * 2 : 1024;
            keys = realloc(keys, room * sizeof *keys);
            if (!keys) die("out of", "memory");
        }
        struct key *key = &keys[key_count++];
        key->text = strdup(line);
        key->request = netstring(line, &key->request_length);
        key->reply = netstring(reply, &key->reply_length);
    }
    free(line);
    fclose(file);
    errno = 0;
    if (!key_count) die("no keys in", path);
}

static void note_error(const char *what, size_t key, const char *got, size_t size) {
    if (errors++) return;
    if (size > 200) size = 200;
    snprintf(first_error, sizeof first_error, "%s: %s: %.*s", what, keys[key].text, (int)size, got);
    for (char *c = first_error; *c; c++)
        if (*c < ' ' || *c > '~' || *c == '"' || *c == '\\') *c = '?';
}

/* -- connections --------------------------------------------------------------------------- */

static void parse_address(const char *text) {
    struct sockaddr_in *inet = (struct sockaddr_in *)&address;
    struct sockaddr_un *local = (struct sockaddr_un *)&address;
    errno = 0;
    if (!strncmp(text, "unix:", 5) && strlen(text + 5) < sizeof local->sun_path) {
        local->sun_family = AF_UNIX;
        strcpy(local->sun_path, text + 5);
        address_length = sizeof *local;
        return;
    }
    char host[64];
    unsigned port;
    if (sscanf(text, "inet:%63[0-9.]:%u", host, &port) != 2 || port > 65535) die("address", text);
    inet->sin_family = AF_INET;
    inet->sin_port = htons((uint16_t)port);
    if (!inet_pton(AF_INET, host, &inet->sin_addr)) die("address", text);
    if (ntohl(inet->sin_addr.s_addr) >> 24 != 127) die("only 127.0.0.0/8 is asked, not", text);
    address_length = sizeof *inet;
}

/* Each connection comes from an address of its own, so that those which were closed and rest for a
 * minute in TIME_WAIT do not use up the ports. */
static void choose_source(int fd, size_t index) {
    int one = 1;
    struct sockaddr_in source = {.sin_family = AF_INET};
    source.sin_addr.s_addr = htonl(0x7f000002u + (uint32_t)index);
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) ||
        setsockopt(fd, IPPROTO_IP, 24 /* IP_BIND_ADDRESS_NO_PORT */, &one, sizeof one) ||
        bind(fd, (struct sockaddr *)&source, sizeof source))
        die("cannot bind", "a source address");
}

static int open_connection(struct connection *c) {
    int family = address.ss_family;
    c->fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0) die("no", "socket");
    if (family == AF_INET) choose_source(c->fd, (size_t)(c - connections));
    c->size = 0;
    c->connecting = 0;
    if (connect(c->fd, (struct sockaddr *)&address, address_length)) {
        /* A unix socket whose backlog is full says EAGAIN at once. */
        if (errno != EINPROGRESS) {
            close(c->fd);
            c->fd = -1;
            return -1;
        }
        c->connecting = 1;
    }
    struct epoll_event event = {.events = EPOLLIN | (c->connecting ? EPOLLOUT : 0), .data.ptr = c};
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &event)) die("epoll_ctl", "add");
    return 0;
}

static void close_connection(struct connection *c) {
    if (c->fd >= 0) close(c->fd);
    c->fd = -1;
}

static int connection_lost(struct connection *c, const char *how) {
    if (c->in_flight) note_error(how, c->asked[c->first], "", 0);
    close_connection(c);
    c->in_flight = 0;
    return 0;
}

/* Send the next requests; return whether there were any left to send. */
static int ask(struct connection *c) {
    static char out[DEPTH_MAX * 1024];
    size_t length = 0;
    c->first = c->in_flight = 0;
    while (c->in_flight < depth && asked_total < requests_max) {
        const struct key *key = &keys[next_key];
        if (length + key->request_length > sizeof out) break;
        memcpy(out + length, key->request, key->request_length);
        length += key->request_length;
        c->asked[c->in_flight++] = next_key;
        next_key = next_key + 1 == key_count ? 0 : next_key + 1;
        asked_total++;
    }
    if (!c->in_flight) {
        close_connection(c);
        return 0;
    }
    if (!reconnect_each) c->sent_at = now();
    if (send(c->fd, out, length, MSG_NOSIGNAL) != (ssize_t)length)
        return connection_lost(c, "cannot send");
    return 1;
}

static int begin(struct connection *c) {
    if (asked_total >= requests_max) return 0;
    c->sent_at = now();
    if (open_connection(c)) {
        errors++;
        if (!*first_error) snprintf(first_error, sizeof first_error, "connect: %s", strerror(errno));
        return 0;
    }
    return c->connecting || ask(c);
}

/* Compare one reply with what is awaited; return its length, 0 while it is incomplete. */
static size_t take_reply(struct connection *c, const char *data, size_t size, size_t index) {
    const struct key *key = &keys[index];
    if (!learning && size >= key->reply_length && !memcmp(data, key->reply, key->reply_length))
        return key->reply_length;
    size_t digits = 0, length = 0;
    while (digits < size && digits < 7 && data[digits] >= '0' && data[digits] <= '9')
        length = length * 10 + (size_t)(data[digits++] - '0');
    if (digits == size && digits < 7) return 0;
    if (!digits || data[digits] != ':' || length > REPLY_MAX) {
        note_error("no netstring", index, data, size);
        c->size = 0;
        return SIZE_MAX;
    }
    size_t whole = digits + 1 + length + 1;
    if (size < whole) return 0;
    if (learning)
        learnt[index] = strndup(data + digits + 1, length);
    else if (length >= 5 && !memcmp(data + digits + 1, "TEMP ", 5))
        deferred++;
    else
        note_error("wrong reply", index, data, whole);
    return whole;
}

/* Take what has come; return whether the connection still has something to do. */
static int advance(struct connection *c) {
    if (c->capacity - c->size < 4096) {
        c->capacity = c->capacity ? c->capacity * 2 : 16384;
        c->buffer = realloc(c->buffer, c->capacity);
        if (!c->buffer) die("out of", "memory");
    }
    ssize_t got = recv(c->fd, c->buffer + c->size, c->capacity - c->size, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return 1;
    if (got <= 0) return connection_lost(c, "closed before the reply");
    c->size += (size_t)got;
    size_t taken = 0;
    uint64_t at = now();
    while (c->in_flight) {
        size_t length = take_reply(c, c->buffer + taken, c->size - taken, c->asked[c->first]);
        if (length == SIZE_MAX) return connection_lost(c, "no netstring");
        if (!length) break;
        taken += length;
        c->first++;
        c->in_flight--;
        answered_total++;
        note_latency(at - c->sent_at);
    }
    c->size -= taken;
    memmove(c->buffer, c->buffer + taken, c->size);
    if (c->in_flight) return 1;
    if (c->size) note_error("more than was asked for", c->asked[0], c->buffer, c->size);
    if (!reconnect_each) return ask(c);
    close_connection(c);
    return begin(c);
}

static int connected(struct connection *c) {
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error) {
        errors++;
        snprintf(first_error, sizeof first_error, "connect: %s", strerror(error));
        close_connection(c);
        return 0;
    }
    c->connecting = 0;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    if (epoll_ctl(epoll_fd, EPOLL_CTL_MOD, c->fd, &event)) die("epoll_ctl", "mod");
    return ask(c);
}

/* -- the run ------------------------------------------------------------------------------- */

static void await_server(double patience) {
    uint64_t until = now() + (uint64_t)(patience * 1e9);
    struct timespec pause = {.tv_nsec = 2000000};
    for (;;) {
        int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        int refused = connect(fd, (struct sockaddr *)&address, address_length);
        close(fd);
        if (!refused) return;
        if (now() >= until) die("nothing listens at", "the address");
        nanosleep(&pause, NULL);
    }
}

/* Run to the end of the time or of the requests; return the seconds it took. */
static double run(double seconds) {
    uint64_t begun = now(), until = begun + (uint64_t)(seconds * 1e9), heard = begun;
    size_t alive = 0;
    for (size_t i = 0; i < connection_count; i++) alive += (size_t)begin(&connections[i]);
    while (alive) {
        struct epoll_event events[EVENTS];
        int ready = epoll_wait(epoll_fd, events, EVENTS, 100);
        uint64_t at = now();
        if (ready > 0) heard = at;
        /* At the end of the time nothing more is asked, and what was asked is awaited. */
        if (at >= until && asked_total < requests_max) requests_max = asked_total;
        if (at - heard > STALL_SECONDS * 1000000000ull) {
            errors++;
            snprintf(first_error, sizeof first_error, "no reply for %d s", STALL_SECONDS);
            break;
        }
        for (int i = 0; i < ready; i++) {
            struct connection *c = events[i].data.ptr;
            int lives = c->connecting ? connected(c) : advance(c);
            if (!lives) alive--;
        }
    }
    return (double)(now() - begun) / 1e9;
}

static void write_learnt(const char *path) {
    FILE *file = fopen(path, "w");
    if (!file) die("cannot write", path);
    for (size_t i = 0; i < key_count; i++)
        if (learnt[i]) fprintf(file, "%s\t%s\n", keys[i].text, learnt[i]);
    if (fclose(file)) die("cannot write", path);
}

static void print_result(double seconds) {
    struct timespec cpu;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
    printf("{\"requests\": %llu, \"deferred\": %llu, \"errors\": %llu, \"first_error\": \"%s\", "
           "\"seconds\": %.6f, \"own_cpu\": %.6f, \"microseconds\": {\"p50\": %.1f, "
           "\"p90\": %.1f, \"p99\": %.1f, \"p99.9\": %.1f, \"max\": %.1f}}\n",
           (unsigned long long)answered_total, (unsigned long long)deferred,
           (unsigned long long)errors, first_error, seconds,
           (double)cpu.tv_sec + (double)cpu.tv_nsec / 1e9, percentile(0.50), percentile(0.90),
           percentile(0.99), percentile(0.999), (double)longest / 1000.0);
}

static double number(const char *text, double least, double most) {
    char *end;
    double value = strtod(text, &end);
    errno = 0;
    if (*end || end == text || !(value >= least && value <= most)) die("number", text);
    return value;
}

int main(int argc, char **argv) {
    const char *learn_path = NULL, *keys_path = NULL, *where = NULL;
    double seconds = 2, patience = 0;
    for (int i = 1; i < argc; i++) {
        char *option = argv[i], *value = strchr(option, '=');
        errno = 0;
        if (!value) die("without a value:", option);
        *value++ = 0;
        if (!strcmp(option, "--address")) where = value;
        else if (!strcmp(option, "--keys")) keys_path = value;
        else if (!strcmp(option, "--learn")) learn_path = value;
        else if (!strcmp(option, "--connections"))
            connection_count = (size_t)number(value, 1, CONNECTIONS_MAX);
        else if (!strcmp(option, "--depth")) depth = (size_t)number(value, 1, DEPTH_MAX);
        else if (!strcmp(option, "--reconnect")) reconnect_each = (int)number(value, 0, 1);
        else if (!strcmp(option, "--once")) once = (int)number(value, 0, 1);
        else if (!strcmp(option, "--seconds")) seconds = number(value, 0.01, SECONDS_MAX);
        else if (!strcmp(option, "--requests")) requests_max = (uint64_t)number(value, 1, 1e12);
        else if (!strcmp(option, "--patience")) patience = number(value, 0, SECONDS_MAX);
        else die("unknown option", option);
    }
    if (!where || !keys_path) die("needed:", "--address and --keys");
    parse_address(where);
    read_keys(keys_path);
    learning = learn_path != NULL;
    learnt = allocated(key_count * sizeof *learnt);
    if (once) requests_max = key_count;
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_fd < 0) die("no", "epoll");
    await_server(patience);
    print_result(run(seconds));
    if (learning) write_learnt(learn_path);
    return answered_total ? 0 : 1;
}

// Clocks that a test moves, loaded into a program before the C library. CLAVIGER_TEST_CLOCK names a file of two numbers of 8
// bytes: the second at which the clocks of the day stand still (0: they go), and how many seconds all clocks are ahead.
// What waits in the kernel for a moment is told the kernel's own; a wait that has begun does not end early.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

struct clock {
    volatile int64_t stands;
    volatile int64_t ahead;
};

static const struct clock still;

static const struct clock *test_clock(void) {
    static const struct clock *found;
    const struct clock *seen = __atomic_load_n(&found, __ATOMIC_ACQUIRE);
    if (seen)
        return seen;
    const char *path = getenv("CLAVIGER_TEST_CLOCK");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *map = file < 0 ? MAP_FAILED : mmap(NULL, sizeof *seen, PROT_READ, MAP_SHARED, file, 0);
    if (file >= 0)
        close(file);
    seen = map == MAP_FAILED ? &still : map;
    __atomic_store_n(&found, seen, __ATOMIC_RELEASE);
    return seen;
}

static long (*real_syscall(void))(long, ...) {
    static void *found;
    if (!__atomic_load_n(&found, __ATOMIC_ACQUIRE))
        __atomic_store_n(&found, dlsym(RTLD_NEXT, "syscall"), __ATOMIC_RELEASE);
    return (long (*)(long, ...))found;
}

int clock_gettime(clockid_t id, struct timespec *time) {
    int failed = (int)real_syscall()(SYS_clock_gettime, (long)id, time);
    const struct clock *own = test_clock();
    switch (failed ? -1 : id) {
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE:
        if (own->stands)
            *time = (struct timespec){.tv_sec = own->stands};
        time->tv_sec += own->ahead;
        break;
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_MONOTONIC_COARSE:
    case CLOCK_BOOTTIME:
        time->tv_sec += own->ahead;
        break;
    }
    return failed;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone) {
    (void)zone;
    struct timespec now;
    int failed = clock_gettime(CLOCK_REALTIME, &now);
    *time = (struct timeval){.tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000};
    return failed;
}

time_t time(time_t *time) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (time)
        *time = now.tv_sec;
    return now.tv_sec;
}

// The waits of Rust's standard library: until a moment of a clock (futex(2), FUTEX_WAIT_BITSET).
long syscall(long number, ...) {
    long of[6];
    va_list arguments;
    va_start(arguments, number);
    for (int i = 0; i < 6; i++)
        of[i] = va_arg(arguments, long);
    va_end(arguments);
    struct timespec until;
    int waits = number == SYS_futex && (of[1] & FUTEX_CMD_MASK) == FUTEX_WAIT_BITSET;
    if (waits && of[3] && !(of[1] & FUTEX_CLOCK_REALTIME)) {
        until = *(const struct timespec *)of[3];
        until.tv_sec -= test_clock()->ahead;
        if (until.tv_sec < 0)
            until = (struct timespec){0};
        of[3] = (long)&until;
    }
    return real_syscall()(number, of[0], of[1], of[2], of[3], of[4], of[5]);
}

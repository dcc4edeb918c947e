// A disk that takes its time or fails, loaded into a program before the C library: sync(2) and syncfs(2) return once the file that
// CLAVIGER_TEST_DISK names is not there. While they wait, there is one of that name and `.waits`. If there is one of that name and
// `.fails`, syncfs(2) fails.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void wait_for_the_disk(void) {
    const char *path = getenv("CLAVIGER_TEST_DISK");
    char waits[PATH_MAX];
    while (path && access(path, F_OK) == 0) {
        snprintf(waits, sizeof waits, "%s.waits", path);
        close(open(waits, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
        usleep(10000);
    }
}

void sync(void) {
    wait_for_the_disk();
}

int syncfs(int file) {
    (void)file;
    wait_for_the_disk();
    const char *path = getenv("CLAVIGER_TEST_DISK");
    char fails[PATH_MAX];
    snprintf(fails, sizeof fails, "%s.fails", path ? path : "");
    if (!path || access(fails, F_OK) != 0)
        return 0;
    errno = EIO;
    return -1;
}

// A disk on which nothing becomes durable for a while, loaded into a program before the C library: fsync(2) and fdatasync(2) return
// once the file that CLAVIGER_TEST_COMMITS names is not there.

#define _GNU_SOURCE
#include <stdlib.h>
#include <unistd.h>

static int wait_for_the_disk(void) {
    const char *path = getenv("CLAVIGER_TEST_COMMITS");
    while (path && access(path, F_OK) == 0)
        usleep(10000);
    return 0;
}

int fsync(int file) {
    (void)file;
    return wait_for_the_disk();
}

int fdatasync(int file) {
    (void)file;
    return wait_for_the_disk();
}

/* Lets system calls of one process fail, and its wall clock jump. What is to happen is read from a page of memory that
 * another process writes: see shim.py, which has the same fields in the same order. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

struct page {
    volatile int64_t fail_syncs;   /* how many of the next syncs of the journal fail with EIO; -1: all */
    volatile int64_t fail_writes;  /* how many of the next writes of the journal fail; -1: all */
    volatile int64_t write_error;  /* with which error number */
    volatile int64_t clock_nanos;  /* by how much the wall clock is off */
    volatile int64_t failed;       /* how many calls failed so far */
};

static struct page nothing;
static struct page *page = &nothing;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("TORTURE_SHIM");
    int descriptor = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (descriptor < 0) return;
    void *memory = mmap(NULL, sizeof(struct page), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    close(descriptor);
    if (memory != MAP_FAILED) page = memory;
}

static int is_journal(int descriptor) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return strstr(path, "/journal.db") != NULL;
}

static int strikes(volatile int64_t *left, int descriptor) {
    if (*left == 0 || !is_journal(descriptor)) return 0;
    if (*left > 0) (*left)--;
    page->failed++;
    return 1;
}

#define REAL(type, name, ...) \
    static type (*real)(__VA_ARGS__); \
    if (!real) real = dlsym(RTLD_NEXT, name)

int fsync(int descriptor) {
    REAL(int, "fsync", int);
    if (strikes(&page->fail_syncs, descriptor)) { errno = EIO; return -1; }
    return real(descriptor);
}

int fdatasync(int descriptor) {
    REAL(int, "fdatasync", int);
    if (strikes(&page->fail_syncs, descriptor)) { errno = EIO; return -1; }
    return real(descriptor);
}

ssize_t pwrite64(int descriptor, const void *data, size_t size, off64_t offset) {
    REAL(ssize_t, "pwrite64", int, const void *, size_t, off64_t);
    if (strikes(&page->fail_writes, descriptor)) { errno = (int)page->write_error; return -1; }
    return real(descriptor, data, size, offset);
}

ssize_t pwrite(int descriptor, const void *data, size_t size, off_t offset) {
    REAL(ssize_t, "pwrite", int, const void *, size_t, off_t);
    if (strikes(&page->fail_writes, descriptor)) { errno = (int)page->write_error; return -1; }
    return real(descriptor, data, size, offset);
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    REAL(int, "clock_gettime", clockid_t, struct timespec *);
    int result = real(clock, time);
    if (result == 0 && clock == CLOCK_REALTIME && page->clock_nanos != 0) {
        int64_t nanos = time->tv_nsec + page->clock_nanos % 1000000000;
        time->tv_sec += page->clock_nanos / 1000000000;
        if (nanos >= 1000000000) { nanos -= 1000000000; time->tv_sec++; }
        if (nanos < 0) { nanos += 1000000000; time->tv_sec--; }
        time->tv_nsec = nanos;
    }
    return result;
}

/* Fails one system call on one file, once, with EIO, as a bad disk does. FAILING_DISK="sync journal.db-wal 12" fails the
   twelfth fdatasync or fsync of a file whose name ends so; "write" instead of "sync": the twelfth pwrite. The file that
   FAILING_DISK_MARK names is made then. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static atomic_long seen;

static int fails(int descriptor, const char *call) {
    char wanted[16], suffix[256], link[64], path[4096];
    long at;
    const char *plan = getenv("FAILING_DISK");
    if (plan == NULL || sscanf(plan, "%15s %255s %ld", wanted, suffix, &at) != 3 || strcmp(wanted, call) != 0)
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < (ssize_t)strlen(suffix))
        return 0;
    path[length] = 0;
    if (strcmp(path + length - strlen(suffix), suffix) != 0)
        return 0;
    if (atomic_fetch_add(&seen, 1) + 1 != at)
        return 0;
    const char *mark = getenv("FAILING_DISK_MARK");
    if (mark != NULL)
        close(open(mark, O_CREAT | O_WRONLY, 0600));
    return 1;
}

int fdatasync(int descriptor) {
    static int (*real)(int);
    if (real == NULL) real = dlsym(RTLD_NEXT, "fdatasync");
    if (fails(descriptor, "sync")) { errno = EIO; return -1; }
    return real(descriptor);
}

int fsync(int descriptor) {
    static int (*real)(int);
    if (real == NULL) real = dlsym(RTLD_NEXT, "fsync");
    if (fails(descriptor, "sync")) { errno = EIO; return -1; }
    return real(descriptor);
}

ssize_t pwrite64(int descriptor, const void *data, size_t size, off64_t at) {
    static ssize_t (*real)(int, const void *, size_t, off64_t);
    if (real == NULL) real = dlsym(RTLD_NEXT, "pwrite64");
    if (fails(descriptor, "write")) { errno = EIO; return -1; }
    return real(descriptor, data, size, at);
}

ssize_t pwrite(int descriptor, const void *data, size_t size, off_t at) {
    return pwrite64(descriptor, data, size, at);
}

/* Preloaded into a process: its wall clock is wrong by the seconds that the file WRONG_CLOCK holds.
 * libfaketime 0.9.10 cannot be used: with it Python's time.sleep fails (clock_nanosleep, EINVAL). */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile long *offset;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("WRONG_CLOCK");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *map = file < 0 ? MAP_FAILED : mmap(NULL, sizeof(long), PROT_READ, MAP_SHARED, file, 0);
    if (map != MAP_FAILED) offset = map;
    if (file >= 0) close(file);
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    int done = (int)syscall(SYS_clock_gettime, clock, now);
    if (!done && offset && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += *offset;
    return done;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    struct timespec instant;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &instant)) return -1;
    now->tv_sec = instant.tv_sec;
    now->tv_usec = instant.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *place) {
    struct timespec instant;
    clock_gettime(CLOCK_REALTIME, &instant);
    if (place) *place = instant.tv_sec;
    return instant.tv_sec;
}

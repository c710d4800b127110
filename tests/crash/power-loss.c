/*
 * LD_PRELOAD model of a power cut: of the files under POWER_SOURCE, only what fsync or fdatasync confirmed survives, as copies named by
 * inode in POWER_SHADOW. Names, renames and removals count as durable at once, so this says nothing about directory syncs.
 * POWER_QUOTA (bytes) makes writes beyond that offset of any such file fail with ENOSPC, as a full disk does.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

static atomic_long serial;

static int under_source(int fd, struct stat *info) {
  const char *source = getenv("POWER_SOURCE");
  if (!source || fstat(fd, info) != 0 || !S_ISREG(info->st_mode)) return 0;
  char link[64], path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return strncmp(path, source, strlen(source)) == 0;
}

/* Copies what the file holds now; returns 0 when there is nothing to keep. */
static int copy_now(int fd, char *temporary, char *final) {
  struct stat info;
  const char *shadow = getenv("POWER_SHADOW");
  if (!shadow || !under_source(fd, &info)) return 0;
  char self[64];
  snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
  snprintf(temporary, PATH_MAX, "%s/.%d.%ld", shadow, getpid(), atomic_fetch_add(&serial, 1));
  snprintf(final, PATH_MAX, "%s/%lu", shadow, (unsigned long)info.st_ino);
  int in = open(self, O_RDONLY), out = open(temporary, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  off_t left = info.st_size;
  while (in >= 0 && out >= 0 && left > 0) {
    ssize_t moved = sendfile(out, in, NULL, (size_t)left);
    if (moved <= 0) break;
    left -= moved;
  }
  if (in >= 0) close(in);
  if (out >= 0) close(out);
  return in >= 0 && out >= 0 && left == 0;
}

static int sync_through(const char *name, int fd) {
  int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
  char temporary[PATH_MAX], final[PATH_MAX];
  int kept = copy_now(fd, temporary, final);
  int result = real(fd), error = errno;
  if (kept && result == 0) rename(temporary, final);
  errno = error;
  return result;
}

int fsync(int fd) { return sync_through("fsync", fd); }
int fdatasync(int fd) { return sync_through("fdatasync", fd); }

ssize_t pwrite64(int fd, const void *bytes, size_t count, off_t offset) {
  static ssize_t (*real)(int, const void *, size_t, off_t);
  if (!real) real = (ssize_t (*)(int, const void *, size_t, off_t))dlsym(RTLD_NEXT, "pwrite64");
  const char *quota = getenv("POWER_QUOTA");
  struct stat info;
  if (quota && offset + (off_t)count > atoll(quota) && under_source(fd, &info)) {
    errno = ENOSPC;
    return -1;
  }
  return real(fd, bytes, count, offset);
}
ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset) { return pwrite64(fd, bytes, count, offset); }

/* Native code that calls from where no Java can run, or that goes on with pointers of earlier lives. */
#define _GNU_SOURCE
#include "fixture.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#ifdef __linux__
#include <dirent.h>
#include <stdlib.h>
#include <sys/syscall.h>
#endif

typedef void (*signal_fn)(int number, siginfo_t *info, void *context);

static int install(int number, signal_fn handler) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = handler;
    action.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK;
    sigemptyset(&action.sa_mask);
    return sigaction(number, &action, NULL);
}

/* ---- signals that interrupt a producer */

struct interrupted {
    event_fn callback;
    atomic_int stop;
    int64_t calls;
    int64_t changed;
};

static void *call_until_stopped(void *argument) {
    struct interrupted *it = argument;
    for (int after = 0; after < 1000; after += atomic_load(&it->stop)) {
        errno = 77;
        it->callback(0, it->calls++, 0);
        it->changed += errno != 77;
    }
    return NULL;
}

/* Calls back on a thread that is interrupted by so many signals; their handler is a pointer too. Returns how many calls it made, or -1 if
   one of them changed errno. */
int64_t call_under_signals(event_fn callback, signal_fn handler, int64_t signals) {
#ifdef __linux__
    int number = SIGRTMIN + 3;
    struct interrupted it = {.callback = callback};
    pthread_t thread;
    if (install(number, handler) || pthread_create(&thread, NULL, call_until_stopped, &it)) {
        return -2;
    }
    union sigval value = {.sival_int = 1};
    for (int64_t sent = 0; sent < signals;) {
        if (pthread_sigqueue(thread, number, value) == 0) {
            sent++;
        } else {
            sched_yield();
        }
    }
    atomic_store(&it.stop, 1);
    pthread_join(thread, NULL);
    return it.changed ? -1 : it.calls;
#else
    (void)callback, (void)handler, (void)signals;
    return -2;
#endif
}

/* Queues so many real-time signals to all threads of the process but this one, in turn. Returns how many threads there were. */
int32_t storm_of_signals(signal_fn handler, int64_t signals) {
#ifdef __linux__
    int number = SIGRTMIN + 4;
    pid_t process = getpid();
    pid_t self = (pid_t)syscall(SYS_gettid);
    pid_t threads[1024];
    int count = 0;
    if (install(number, handler)) {
        return -1;
    }
    for (int64_t sent = 0; sent < signals;) {
        if (sent % 1000 == 0) {
            count = 0;
            DIR *tasks = opendir("/proc/self/task");
            struct dirent *task;
            while (tasks && (task = readdir(tasks)) && count < 1024) {
                pid_t id = atoi(task->d_name);
                if (id > 0 && id != self) {
                    threads[count++] = id;
                }
            }
            closedir(tasks);
        }
        siginfo_t info;
        memset(&info, 0, sizeof info);
        info.si_code = SI_QUEUE;
        info.si_pid = process;
        info.si_value.sival_int = (int)sent;
        if (syscall(SYS_rt_tgsigqueueinfo, process, threads[rand() % count], number, &info) == 0) {
            sent++;
        } else {
            sched_yield();
        }
    }
    return count;
#else
    (void)handler, (void)signals;
    return -1;
#endif
}

/* ---- a child, and a limit */

/* Forks; the child calls so often, and exits with 0. Returns its exit status, or a negative number. */
int32_t fork_and_call(event_fn callback, int64_t times) {
    pid_t child = fork();
    if (child == 0) {
        for (int64_t i = 0; i < times; i++) {
            callback(0, 1000 + i, 0);
        }
        _exit(0);
    }
    int status = -1;
    return child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status) ? -1 : WEXITSTATUS(status);
}

/* Lets the address space grow by so many bytes, and no more. Returns 0, or an errno. */
int32_t limit_address_space(int64_t more) {
#ifdef __linux__
    long pages = 0;
    FILE *statm = fopen("/proc/self/statm", "r");
    if (!statm || fscanf(statm, "%ld", &pages) != 1) {
        return EIO;
    }
    fclose(statm);
    struct rlimit limit;
    getrlimit(RLIMIT_AS, &limit);
    limit.rlim_cur = (rlim_t)pages * 4096 + (rlim_t)more;
    return setrlimit(RLIMIT_AS, &limit) ? errno : 0;
#else
    (void)more;
    return ENOSYS;
#endif
}

/* ---- threads that call until they are refused */

typedef int32_t (*answering_fn)(int64_t);

static answering_fn filled;
static int32_t answered_taken;
static pthread_t fillers[128];
static int filler_count;

static void *fill(void *argument) {
    int32_t answer;
    int64_t value = (int64_t)(intptr_t)argument << 32;
    do {
        answer = filled(value++);
    } while (answer == answered_taken);
    return (void *)(intptr_t)answer;
}

/* Starts threads that call until C gets another answer than this one. */
int32_t fillers_start(answering_fn callback, int32_t threads, int32_t taken) {
    filled = callback;
    answered_taken = taken;
    for (filler_count = 0; filler_count < threads; filler_count++) {
        if (pthread_create(&fillers[filler_count], NULL, fill, (void *)(intptr_t)filler_count)) {
            return -1;
        }
    }
    return 0;
}

/* Joins them; returns how many got this answer last. */
int32_t fillers_join(int32_t answer) {
    int32_t count = 0;
    for (int i = 0; i < filler_count; i++) {
        void *last;
        pthread_join(fillers[i], &last);
        count += (int32_t)(intptr_t)last == answer;
    }
    return count;
}

/* Interrupts the first of them by a signal whose handler does nothing. */
static void do_nothing(int number, siginfo_t *info, void *context) {
    (void)number, (void)info, (void)context;
}

int32_t fillers_interrupt(void) {
#ifdef __linux__
    return install(SIGRTMIN + 5, do_nothing) || pthread_kill(fillers[0], SIGRTMIN + 5);
#else
    return -1;
#endif
}

/* ---- threads that call whatever is registered, and go on for a while with a pointer that no longer is */

static _Atomic(event_fn) registered;
static atomic_int stopped;
static atomic_llong calls;
static pthread_t callers[16];
static int caller_count;

static void *call_registered(void *argument) {
    int64_t made = 0;
    int32_t thread = (int32_t)(intptr_t)argument;
    while (!atomic_load_explicit(&stopped, memory_order_relaxed)) {
        event_fn callback = atomic_load_explicit(&registered, memory_order_acquire);
        if (!callback) {
            sched_yield();
            continue;
        }
        for (int i = 0; i < 16; i++) {
            callback(thread, made, made * 3);
            made++;
        }
        if (made % 512 == 0) {
            sched_yield();
        }
    }
    atomic_fetch_add(&calls, made);
    return NULL;
}

int32_t callers_start(int32_t threads) {
    atomic_store(&stopped, 0);
    atomic_store(&calls, 0);
    for (caller_count = 0; caller_count < threads; caller_count++) {
        if (pthread_create(&callers[caller_count], NULL, call_registered, (void *)(intptr_t)caller_count)) {
            return -1;
        }
    }
    return 0;
}

void callers_register(event_fn callback) {
    atomic_store_explicit(&registered, callback, memory_order_release);
}

/* How many calls there were. */
int64_t callers_stop(void) {
    atomic_store(&stopped, 1);
    for (int i = 0; i < caller_count; i++) {
        pthread_join(callers[i], NULL);
    }
    return atomic_load(&calls);
}

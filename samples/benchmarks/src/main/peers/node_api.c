/* The stream of source.c for Node-API: its functions need an environment, so that a native library cannot call JavaScript by
 * a plain function pointer. This glue is what an author of a binding writes. */
#include <node_api.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

typedef struct {
    int64_t sequence;
    double value;
} event;

static napi_threadsafe_function function;
static int64_t count, started;

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void call_js(napi_env env, napi_value callback, void *context, void *data) {
    (void)context;
    event *e = data;
    napi_value args[2], undefined;
    napi_create_int64(env, e->sequence, &args[0]);
    napi_create_double(env, e->value, &args[1]);
    free(e);
    napi_get_undefined(env, &undefined);
    napi_call_function(env, undefined, callback, 2, args, NULL);
}

static void *run(void *unused) {
    (void)unused;
    started = now_ns();
    for (int64_t i = 0; i < count; i++) {
        event *e = malloc(sizeof *e);
        e->sequence = i;
        e->value = i * 0.5;
        napi_call_threadsafe_function(function, e, napi_tsfn_blocking);
    }
    napi_release_threadsafe_function(function, napi_tsfn_release);
    return NULL;
}

/* (callback, count) */
static napi_value start(napi_env env, napi_callback_info info) {
    size_t argc = 2;
    napi_value args[2], name;
    pthread_t thread;
    napi_get_cb_info(env, info, &argc, args, NULL, NULL);
    napi_get_value_int64(env, args[1], &count);
    napi_create_string_utf8(env, "source", NAPI_AUTO_LENGTH, &name);
    napi_create_threadsafe_function(env, args[0], NULL, name, 0, 1, NULL, NULL, NULL, call_js, &function);
    pthread_create(&thread, NULL, run, NULL);
    pthread_detach(thread);
    return NULL;
}

static napi_value since_start(napi_env env, napi_callback_info info) {
    (void)info;
    napi_value result;
    napi_create_int64(env, now_ns() - started, &result);
    return result;
}

static napi_value init(napi_env env, napi_value exports) {
    napi_value f;
    napi_create_function(env, "start", NAPI_AUTO_LENGTH, start, NULL, &f);
    napi_set_named_property(env, exports, "start", f);
    napi_create_function(env, "sinceStart", NAPI_AUTO_LENGTH, since_start, NULL, &f);
    napi_set_named_property(env, exports, "sinceStart", f);
    return exports;
}

NAPI_MODULE(source, init)

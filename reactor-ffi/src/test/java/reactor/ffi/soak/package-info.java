/** Everything under load at once, for minutes, while memory, threads and file descriptors are watched. */
package reactor.ffi.soak;

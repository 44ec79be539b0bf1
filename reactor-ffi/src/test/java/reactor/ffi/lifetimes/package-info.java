/**
 * Random sequences of everything that can be done to streams, callbacks and schedulers, compared with a simple model.
 */
package reactor.ffi.lifetimes;

/**
 * Each thing that can go wrong, at each place where it can: exceptions, a full heap, no threads, pinned carriers, an
 * exit of the JVM.
 */
package reactor.ffi.faults;

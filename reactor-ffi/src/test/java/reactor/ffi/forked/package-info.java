/** Promises whose breach would end the JVM or keep it from ending: each test runs its program in a JVM of its own. */
package reactor.ffi.forked;

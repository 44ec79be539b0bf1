/** Unit tests of the upcall's room: signatures, stubs, the boundary and the records of native threads. */
package reactor.ffi.internal.upcall;

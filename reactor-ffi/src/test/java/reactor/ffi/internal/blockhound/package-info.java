/** Tests that tell BlockHound exactly which waits on a scheduler's thread are the library's. */
package reactor.ffi.internal.blockhound;

/** Tests of the meters for Micrometer. */
package reactor.ffi.micrometer;

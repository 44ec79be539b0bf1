/**
 * Tests that hold the documents: the Java in them compiles, their links lead somewhere, and their tables name tests
 * that exist.
 */
package reactor.ffi.docs;

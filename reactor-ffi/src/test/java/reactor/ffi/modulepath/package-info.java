/** Programs that use the library as a named module. */
package reactor.ffi.modulepath;

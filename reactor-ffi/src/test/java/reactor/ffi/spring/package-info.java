/** The tests of the Spring Boot integration, on real application contexts. */
package reactor.ffi.spring;

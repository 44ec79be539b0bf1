/** C function types made at random, as source text of C and Java, for {@code GeneratedSignaturesIT}. */
package reactor.ffi.generated;

package reactor.ffi;

import java.lang.foreign.MemorySegment;
import reactor.ffi.internal.ring.RecordBatch;

/**
 * Several calls of one pointer, oldest first, for the handler of {@link NativeSink#batches(ListenerType, java.util.function.Consumer)}.
 * The arguments are read where native code has left them, and nothing is allocated for a call.
 *
 * <p>The records are valid until the handler returns. The object is used again for the next batch: read it on the scheduler's
 * thread, inside of the handler, and copy what is to be kept. Each method that reads an argument takes the index of a record, from
 * 0 to {@link #size()} - 1, and the index of a parameter of the C function, from 0.
 */
public sealed interface Records permits RecordBatch {

    /**
     * Returns how many calls the batch has.
     *
     * @return how many, at least 1 while the handler runs, and 0 afterwards
     */
    int size();

    /**
     * Reads an argument that is a {@code boolean}.
     *
     * @param record the index of the record
     * @param parameter the index of the parameter
     * @return the argument; any C value but zero is true
     * @throws IllegalStateException if the handler has returned
     * @throws IndexOutOfBoundsException if the batch has no such record, or the call no such parameter
     * @throws IllegalArgumentException if the parameter has another type; the message names the method for that
     */
    boolean getBoolean(int record, int parameter);

    /**
     * Reads an argument that is a {@code byte}.
     *
     * @param record the index of the record
     * @param parameter the index of the parameter
     * @return the argument
     * @throws IllegalStateException if the handler has returned
     * @throws IndexOutOfBoundsException if the batch has no such record, or the call no such parameter
     * @throws IllegalArgumentException if the parameter has another type; the message names the method for that
     */
    byte getByte(int record, int parameter);

    /**
     * Reads an argument that is a {@code short}.
     *
     * @param record the index of the record
     * @param parameter the index of the parameter
     * @return the argument
     * @throws IllegalStateException if the handler has returned
     * @throws IndexOutOfBoundsException if the batch has no such record, or the call no such parameter
     * @throws IllegalArgumentException if the parameter has another type; the message names the method for that
     */
    short getShort(int record, int parameter);

    /**
     * Reads an argument that is a {@code char}, which is an unsigned number of 16 bits.
     *
     * @param record the index of the record
     * @param parameter the index of the parameter
     * @return the argument
     * @throws IllegalStateException if the handler has returned
     * @throws IndexOutOfBoundsException if the batch has no such record, or the call no such parameter
     * @throws IllegalArgumentException if the parameter has another type; the message names the method for that
     */
    char getChar(int record, int parameter);

    /**
     * Reads an argument that is an {@code int}.
     *
     * @param record the index of the record
     * @param parameter the index of the parameter
     * @return the argument
     * @throws IllegalStateException if the handler has returned
     * @throws IndexOutOfBoundsException if the batch has no such record, or the call no such parameter
     * @throws IllegalArgumentException if the parameter has another type; the message names the method for that
     */
    int getInt(int record, int parameter);

    /**
     * Reads an argument that is a {@code long}.
     *
     * @param record the index of the record
     * @param parameter the index of the parameter
     * @return the argument
     * @throws IllegalStateException if the handler has returned
     * @throws IndexOutOfBoundsException if the batch has no such record, or the call no such parameter
     * @throws IllegalArgumentException if the parameter has another type; the message names the method for that
     */
    long getLong(int record, int parameter);

    /**
     * Reads an argument that is a {@code float}.
     *
     * @param record the index of the record
     * @param parameter the index of the parameter
     * @return the argument
     * @throws IllegalStateException if the handler has returned
     * @throws IndexOutOfBoundsException if the batch has no such record, or the call no such parameter
     * @throws IllegalArgumentException if the parameter has another type; the message names the method for that
     */
    float getFloat(int record, int parameter);

    /**
     * Reads an argument that is a {@code double}.
     *
     * @param record the index of the record
     * @param parameter the index of the parameter
     * @return the argument
     * @throws IllegalStateException if the handler has returned
     * @throws IndexOutOfBoundsException if the batch has no such record, or the call no such parameter
     * @throws IllegalArgumentException if the parameter has another type; the message names the method for that
     */
    double getDouble(int record, int parameter);

    /**
     * Reads an argument that is a pointer.
     *
     * @param record the index of the record
     * @param parameter the index of the parameter
     * @return the address, as a segment of length zero, because what the pointer leads to may be gone. Where {@link
     *     ListenerType#copy} says that it is copied: the copied bytes, read-only, which can be read until the handler returns
     * @throws IllegalStateException if the handler has returned
     * @throws IndexOutOfBoundsException if the batch has no such record, or the call no such parameter
     * @throws IllegalArgumentException if the parameter has another type; the message names the method for that
     */
    MemorySegment getSegment(int record, int parameter);
}

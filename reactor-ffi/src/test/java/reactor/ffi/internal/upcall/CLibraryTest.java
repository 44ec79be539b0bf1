package reactor.ffi.internal.upcall;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A glibc before 2.34 keeps threads and timers in libraries of their own; a newer one still has these libraries, empty. */
@EnabledOnOs(OS.LINUX)
class CLibraryTest {

    private static final SymbolLookup NOTHING = name -> Optional.empty();

    /** One that finds nothing stands for a default look-up that stops at libc. */
    @ParameterizedTest
    @ValueSource(strings = {"pthread_getname_np", "pthread_self", "timer_create", "timer_settime", "timer_delete"})
    void whatTheDefaultLookUpDoesNotFindIsFoundInThePartsOfAnOldGlibc(String function) {
        MemorySegment found = CLibrary.withParts(NOTHING).find(function).orElseThrow();
        assertThat(found).isEqualTo(CLibrary.FUNCTIONS.find(function).orElseThrow());
    }

    @Test
    void whatIsFoundThereCanBeCalled() throws Throwable {
        MemorySegment self = CLibrary.withParts(NOTHING).find("pthread_self").orElseThrow();
        long thread = (long) Linker.nativeLinker()
                .downcallHandle(self, FunctionDescriptor.of(ValueLayout.JAVA_LONG))
                .invokeExact();
        assertThat(thread).isNotZero();
    }

    @Test
    void whatTheDefaultLookUpFindsIsTaken() {
        MemorySegment mine = MemorySegment.ofAddress(4096);
        assertThat(CLibrary.withParts(name -> Optional.of(mine)).find("timer_create"))
                .contains(mine);
    }

    @Test
    void whatIsNowhereIsNotFound() {
        assertThat(CLibrary.FUNCTIONS.find("sensor_start")).isEmpty();
    }
}

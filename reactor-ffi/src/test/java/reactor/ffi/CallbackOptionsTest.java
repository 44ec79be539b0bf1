package reactor.ffi;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import reactor.ffi.fixture.Callbacks.EchoSegment;

/** Which kind of source reads which option: the table of docs/guide.md. */
class CallbackOptionsTest {

    private static final CallbackType<EchoSegment> TYPE = CallbackType.of(EchoSegment.class);

    @ParameterizedTest
    @ValueSource(strings = {"overflow", "maxWaiting"})
    void theLimitsOfAQueueAreRefusedByWhatHasNone(String option) {
        CallbackOptions options = CallbackOptions.named("queue");
        CallbackOptions limited =
                option.equals("overflow") ? options.overflow(Overflow.dropNewest(8)) : options.maxWaiting(3);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> NativeCallback.threadSafe(limited, TYPE, it -> it, null))
                .withMessageContaining("queue set overflow or maxWaiting")
                .withMessageContaining("maxCallers");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> NativeCallback.synchronous(limited, TYPE, it -> it, null))
                .withMessageContaining("maxCallers");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> NativeCallback.direct(limited, TYPE, it -> it, null))
                .withMessageContaining("answered at once");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Confined.create(limited, () -> "value", value -> {}))
                .withMessageContaining("without a limit");
        assertThatCode(() -> NativeFlux.create(limited, sink -> {})).doesNotThrowAnyException();
        assertThatCode(() -> NativeFlux.share(limited, sink -> {})).doesNotThrowAnyException();
        assertThatCode(() -> NativeFlux.exchange(limited, sink -> {})).doesNotThrowAnyException();
        assertThatCode(() -> NativeSignals.on(limited, "HUP")).doesNotThrowAnyException();
    }
}

package reactor.ffi.samples.dashboard;

import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.timeout.WriteTimeoutHandler;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Disconnects a browser that reads nothing for so long that a write of that time has not ended. Without it a socket that
 * nobody reads, and that nobody closes, would be held for ever.
 */
final class ReadLimit extends WriteTimeoutHandler {

    private static final Logger LOG = LoggerFactory.getLogger(ReadLimit.class);

    private final Duration limit;

    ReadLimit(Duration limit) {
        super(limit.toMillis(), TimeUnit.MILLISECONDS);
        this.limit = limit;
    }

    @Override
    @SuppressWarnings("FutureReturnValueIgnored") // nobody waits for the end of the close
    protected void writeTimedOut(ChannelHandlerContext context) {
        LOG.info("{} has read nothing for {}: disconnected", context.channel().remoteAddress(), limit);
        context.close();
    }
}

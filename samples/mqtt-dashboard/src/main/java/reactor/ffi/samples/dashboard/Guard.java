package reactor.ffi.samples.dashboard;

import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpStatus;
import org.springframework.web.server.ServerWebExchange;
import org.springframework.web.server.WebFilter;
import org.springframework.web.server.WebFilterChain;
import reactor.core.publisher.Mono;

/**
 * Puts the security headers into each response, and refuses requests whose {@code Host} is not a name of this server.
 *
 * <p>Without the second, any web site that the user visits could let its own name point to 127.0.0.1 (DNS rebinding), and its
 * scripts would read the events as their own. An address in place of a name cannot be such an attack.
 */
final class Guard implements WebFilter {

    private static final Pattern HOST = Pattern.compile("(\\[[0-9a-f:.%]+]|[^:\\[\\]]+)(?::\\d*)?");
    private static final Pattern ADDRESS = Pattern.compile("\\[.*]|\\d{1,3}(?:\\.\\d{1,3}){3}");

    private final Set<String> names;

    /** Answers to addresses, to localhost, and to these names. */
    Guard(Set<String> names) {
        this.names = names;
    }

    @Override
    public Mono<Void> filter(ServerWebExchange exchange, WebFilterChain chain) {
        HttpHeaders headers = exchange.getResponse().getHeaders();
        // Topics and payloads are a stranger's: nothing of them is ever run, and nobody frames the page.
        headers.set(
                "Content-Security-Policy",
                "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'");
        headers.set("X-Content-Type-Options", "nosniff");
        headers.set("X-Frame-Options", "DENY");
        headers.set("Referrer-Policy", "no-referrer");
        headers.set("Cross-Origin-Resource-Policy", "same-origin");
        if (isOurs(exchange.getRequest().getHeaders().getOrEmpty(HttpHeaders.HOST))) {
            return chain.filter(exchange);
        }
        exchange.getResponse().setStatusCode(HttpStatus.MISDIRECTED_REQUEST);
        return exchange.getResponse().setComplete();
    }

    private boolean isOurs(List<String> hosts) {
        if (hosts.size() != 1) {
            return false;
        }
        Matcher host = HOST.matcher(hosts.get(0).toLowerCase(Locale.ROOT));
        if (!host.matches()) {
            return false;
        }
        String name = host.group(1);
        return name.equals("localhost") || ADDRESS.matcher(name).matches() || names.contains(name);
    }
}

package reactor.ffi.spring;

import org.springframework.boot.diagnostics.AbstractFailureAnalyzer;
import org.springframework.boot.diagnostics.FailureAnalysis;

/** Says how native access is enabled, where the JVM denies it at the start of the application. */
final class NativeAccessFailureAnalyzer extends AbstractFailureAnalyzer<IllegalCallerException> {

    @Override
    protected FailureAnalysis analyze(Throwable rootFailure, IllegalCallerException cause) {
        return new FailureAnalysis("The JVM denies native access: " + cause.getMessage(), """
                Allow native access in one of these ways:

                    - for java -jar, put 'Enable-Native-Access: ALL-UNNAMED' into the manifest of the application's jar;
                    - otherwise start the JVM with --enable-native-access=ALL-UNNAMED, on the command line or in JDK_JAVA_OPTIONS.
                """, cause);
    }
}

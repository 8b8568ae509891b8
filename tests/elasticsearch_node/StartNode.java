import java.nio.file.Path;
import java.util.Map;
import org.elasticsearch.common.logging.LogConfigurator;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.env.Environment;
import org.elasticsearch.node.InternalSettingsPreparer;
import org.elasticsearch.node.Node;
import org.elasticsearch.plugins.PluginsLoader;

/**
 * Runs one Elasticsearch node: StartNode HOME DATA HTTP_PORT (0: any free one).
 *
 * Only on the loopback interface. Prints READY once it answers; DATA/logs/http.ports then says where. Ends when its
 * standard input ends, so that it cannot outlive whoever started it.
 */
public class StartNode {
  public static void main(String[] args) throws Exception {
    Path home = Path.of(args[0]).toAbsolutePath();
    Path data = Path.of(args[1]).toAbsolutePath();
    Settings settings = Settings.builder()
        .put("path.home", home)
        .put("path.data", data.resolve("data"))
        .put("path.logs", data.resolve("logs"))
        .put("node.portsfile", true)
        .put("http.port", args[2])
        .put("transport.port", "0")
        .put("network.host", "127.0.0.1")
        .put("discovery.type", "single-node")
        .put("cluster.name", "email-audit-test")
        .put("node.name", "test")
        .put("cluster.routing.allocation.disk.threshold_enabled", false)
        .build();
    LogConfigurator.configureWithoutConfig(settings);
    Environment environment =
        InternalSettingsPreparer.prepareEnvironment(settings, Map.of(), home.resolve("config"), () -> "test");
    PluginsLoader plugins = PluginsLoader.createPluginsLoader(
        PluginsLoader.loadModulesBundles(home.resolve("modules"), false),
        PluginsLoader.loadPluginsBundles(home.resolve("plugins"), false),
        Map.of());
    Node node = new Node(environment, plugins);
    Runtime.getRuntime().addShutdownHook(new Thread(() -> {
      try { node.close(); } catch (java.io.IOException e) { e.printStackTrace(); }
    }));
    node.start();
    System.out.println("READY");
    while (System.in.read() >= 0) { }
    System.exit(0);
  }
}

import org.zeromq.ZMQ;

public class Publish {
  public static void main(String[] arguments) {
    ZMQ.Context context = ZMQ.context(1);
    ZMQ.Socket socket = context.socket(ZMQ.XPUB);
    socket.setLinger(1000);
    socket.connect("tcp://127.0.0.1:5556");
    socket.recv(); // the bridge's subscription
    socket.sendMore("prices/btc-eur");
    socket.send("{\"type\":\"price\",\"price\":64123.5}");
    socket.close();
    context.term();
  }
}

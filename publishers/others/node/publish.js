const { XPublisher } = require("zeromq");

async function main() {
  const socket = new XPublisher({ linger: 1000 });
  socket.connect("tcp://127.0.0.1:5556");
  await socket.receive(); // the bridge's subscription
  await socket.send(["prices/btc-eur", JSON.stringify({ type: "price", price: 64123.5 })]);
  socket.close();
}

main();

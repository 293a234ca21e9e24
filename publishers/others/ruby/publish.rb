require "ffi-rzmq"
require "json"

context = ZMQ::Context.new
socket = context.socket(ZMQ::XPUB)
socket.setsockopt(ZMQ::LINGER, 1000)
socket.connect("tcp://127.0.0.1:5556")
socket.recv_string(String.new) # the bridge's subscription
socket.send_strings(["prices/btc-eur", JSON.generate(type: "price", price: 64123.5)])
socket.close
context.terminate

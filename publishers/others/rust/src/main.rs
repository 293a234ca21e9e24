fn main() -> Result<(), zmq::Error> {
    let socket = zmq::Context::new().socket(zmq::XPUB)?;
    socket.set_linger(1000)?;
    socket.connect("tcp://127.0.0.1:5556")?;
    socket.recv_bytes(0)?; // the bridge's subscription
    socket.send_multipart(["prices/btc-eur", r#"{"type":"price","price":64123.5}"#], 0)
}

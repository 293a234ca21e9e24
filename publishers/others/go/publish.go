package main

import "github.com/pebbe/zmq4"

func main() {
	socket, _ := zmq4.NewSocket(zmq4.XPUB)
	socket.SetLinger(1e9) // nanoseconds
	if err := socket.Connect("tcp://127.0.0.1:5556"); err != nil {
		panic(err)
	}
	socket.RecvBytes(0) // the bridge's subscription
	socket.SendMessage("prices/btc-eur", `{"type":"price","price":64123.5}`)
	socket.Close()
	zmq4.Term()
}

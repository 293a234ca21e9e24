<?php
$socket = new ZMQSocket(new ZMQContext(), ZMQ::SOCKET_XPUB);
$socket->setSockOpt(ZMQ::SOCKOPT_LINGER, 1000);
$socket->connect("tcp://127.0.0.1:5556");
$socket->recv(); // the bridge's subscription
$socket->sendMulti(["prices/btc-eur", json_encode(["type" => "price", "price" => 64123.5])]);

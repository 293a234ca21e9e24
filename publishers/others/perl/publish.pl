use strict;
use warnings;
use JSON::PP;
use ZMQ::FFI qw(ZMQ_XPUB);

my $context = ZMQ::FFI->new();
my $socket = $context->socket(ZMQ_XPUB);
$socket->set_linger(1000);
$socket->connect("tcp://127.0.0.1:5556");
$socket->recv();    # the bridge's subscription
$socket->send_multipart(["prices/btc-eur", encode_json({ type => "price", price => 64123.5 })]);

<?php
// SPDX-License-Identifier: BSD-3-Clause
// PHP's memcached: clients/php_memcached.php HOST PORT text|binary
function check($true, $what)
{
	global $client;
	if (!$true) {
		fwrite(STDERR, "failed: $what: " . $client->getResultMessage() . "\n");
		exit(1);
	}
}

$client = new Memcached();
$client->setOptions([
	Memcached::OPT_BINARY_PROTOCOL => $argv[3] === 'binary',
	Memcached::OPT_TCP_NODELAY => true,
	Memcached::OPT_COMPRESSION => false,
	Memcached::OPT_CONNECT_TIMEOUT => 20000,
	Memcached::OPT_POLL_TIMEOUT => 20000,
]);
check($client->addServer($argv[1], (int) $argv[2]), 'addServer');
check($client->set('php', 'value'), 'set');
check($client->get('php') === 'value', 'get');
check($client->get('none') === false && $client->getResultCode() === Memcached::RES_NOTFOUND, 'miss');
$many = [];
for ($i = 0; $i < 500; $i++) {
	$many["php-$i"] = "value $i";
}
check($client->setMulti($many), 'setMulti');
$got = $client->getMulti(array_merge(array_keys($many), ['none']));
ksort($many);
ksort($got);
check($got === $many, 'getMulti');
check($client->set('n', 41), 'set of a number');
check($client->increment('n') === 42 && $client->decrement('n', 50) === 0, 'incr, decr');
$held = $client->get('php', null, Memcached::GET_EXTENDED);
check($client->cas($held['cas'], 'php', 'other'), 'cas');
check(!$client->cas($held['cas'], 'php', 'third'), 'cas that lost');
check(!$client->add('php', 'no'), 'add');
check($client->append('php', '!') && $client->prepend('php', 'an'), 'append, prepend');
check($client->get('php') === 'another!', 'what came of it');
check($client->touch('php', 100), 'touch');
check($client->delete('php') && !$client->delete('php'), 'delete');
$large = '';
for ($i = 0; $i < 256; $i++) {
	$large .= chr($i);
}
$large = str_repeat($large, 4094);
for ($i = 0; $i < 3; $i++) {
	check($client->set('large', $large), 'a large set');
	check($client->get('large') === $large, 'a large get');
}
check(count($client->getVersion()) === 1, 'version');
$client->quit();

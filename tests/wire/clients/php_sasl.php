<?php
// SPDX-License-Identifier: BSD-3-Clause
// PHP's memcached with a password: clients/php_sasl.php HOST PORT NAME PASSWORD
function client_as($password)
{
	global $argv;
	$client = new Memcached();
	$client->setOptions([
		Memcached::OPT_BINARY_PROTOCOL => true,
		Memcached::OPT_CONNECT_TIMEOUT => 20000,
		Memcached::OPT_POLL_TIMEOUT => 20000,
	]);
	$client->setSaslAuthData($argv[3], $password);
	$client->addServer($argv[1], (int)$argv[2]);
	return $client;
}

function check($true, $what, $client)
{
	if (!$true) {
		fwrite(STDERR, "failed: $what: " . $client->getResultMessage() . "\n");
		exit(1);
	}
}

$user = client_as($argv[4]);
check($user->set('php', 'value'), 'set', $user);
check($user->get('php') === 'value', 'get', $user);
check($user->increment('php-n', 1, 7) === 7, 'increment', $user);
check($user->delete('php'), 'delete', $user);

$stranger = client_as($argv[4] . 'x');
check($stranger->set('php', 'other') === false, 'set by a stranger', $stranger);
check($user->get('php') === false, 'get after that', $user);

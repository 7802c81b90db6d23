#!/usr/bin/perl
# SPDX-License-Identifier: BSD-3-Clause
# Perl's Cache::Memcached::Fast, over IPv4 alone: clients/cache_memcached_fast.pl HOST PORT
use strict;
use warnings;
use Cache::Memcached::Fast;

sub check
{
	my ($true, $what) = @_;
	die "failed: $what\n" unless $true;
}

my ($host, $port) = @ARGV;
my $client = Cache::Memcached::Fast->new({
	servers => ["$host:$port"],
	connect_timeout => 20,
	io_timeout => 20,
	max_size => 2 << 20,
	compress_threshold => -1,
});
check($client->set('perl', 'value'), 'set');
check($client->get('perl') eq 'value', 'get');
check(!defined $client->get('none'), 'get of nothing');
my %many = map { ("perl-$_" => "value $_") } 1 .. 500;
my @stored = $client->set_multi(map { [$_, $many{$_}] } keys %many);
check(@stored == grep({ $_ } @stored), 'set_multi');
my $got = $client->get_multi(keys %many, 'none');
check(keys %$got == 500, 'get_multi: count');
check($got->{$_} eq $many{$_}, "get_multi: $_") for keys %many;
$client->set('n', 41);
check($client->incr('n', 1) == 42, 'incr');
check($client->decr('n', 50) == 0, 'decr');
my $held = $client->gets('perl');
check($client->cas('perl', $held->[0], 'other'), 'cas');
check(!$client->cas('perl', $held->[0], 'third'), 'cas that lost');
check($client->append('perl', '!'), 'append');
check($client->prepend('perl', 'an'), 'prepend');
check($client->get('perl') eq 'another!', 'what came of it');
check($client->touch('perl', 100), 'touch');
check($client->delete('perl'), 'delete');
check(!$client->delete('perl'), 'delete of nothing');
for (1 .. 3) {
	my $large = join('', map { chr } 0 .. 255) x 4094;
	check($client->set('large', $large), 'a large set');
	check($client->get('large') eq $large, 'a large get');
}
# without waiting for answers, then for all of them at once
$client->set("quiet-$_", $_) for 1 .. 100;
$client->nowait_push;
check($client->get('quiet-100') == 100, 'set without waiting');
check(values %{$client->server_versions} == 1, 'version');
$client->disconnect_all;

#!/usr/bin/ruby
# SPDX-License-Identifier: BSD-3-Clause
# Ruby's dalli: clients/dalli_client.rb HOST PORT meta|binary
require 'dalli'

def check(true_, what)
  abort "failed: #{what}" unless true_
end

host, port, protocol = ARGV
server = host.include?(':') ? "[#{host}]:#{port}" : "#{host}:#{port}"
client = Dalli::Client.new(server, protocol: protocol.to_sym, socket_timeout: 20,
                                   value_max_bytes: 2 << 20)
check client.set('ruby', 'value'), 'set'
check client.get('ruby') == 'value', 'get'
check client.get('none').nil?, 'get of nothing'
many = (0...500).map { |i| ["ruby-#{i}", "value #{i}"] }.to_h
client.multi { many.each { |key, value| client.set(key, value) } }
check client.get_multi(*many.keys, 'none') == many, 'get_multi'
check client.set('n', '41', 0, raw: true), 'set of a number'
check client.incr('n') == 42, 'incr'
check client.decr('n', 50).zero?, 'decr'
check client.cas('ruby') { |value| "an#{value}" }, 'cas'
check client.get('ruby') == 'anvalue', 'what came of cas'
value, token = client.get_cas('ruby')
check value == 'anvalue' && client.set_cas('ruby', 'other', token), 'set_cas'
check !client.set_cas('ruby', 'third', token), 'set_cas that lost'
check !client.add('ruby', 'no'), 'add'
check client.replace('ruby', 'new'), 'replace'
client.set('raw', 'b', 0, raw: true)
check client.append('raw', 'c') && client.prepend('raw', 'a'), 'append, prepend'
check client.get('raw', raw: true) == 'abc', 'what came of it'
check client.touch('ruby', 100), 'touch'
check client.delete('ruby'), 'delete'
check !client.delete('ruby'), 'delete of nothing'
large = (0..255).map(&:chr).join.b * 4094
3.times do
  check client.set('large', large, 0, raw: true), 'a large set'
  check client.get('large', raw: true).b == large, 'a large get'
end
check client.version.values.compact.size == 1, 'version'
client.close

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A real Kafka broker (KRaft, one node, loopback) for the integration tests.
#   broker.sh fetch            have Maven bring the jars into the cache (needs the network once)
#   broker.sh format DIR PORT  make fresh storage in DIR for a broker on PORT
#   broker.sh start DIR        start it and wait until it answers; its pid goes to DIR/pid
#   broker.sh stop DIR         end it; "kill" instead of "stop" sends SIGKILL
#   broker.sh topics DIR       create Tandem's topics
# Cache: TANDEM_KAFKA_JARS, by default .tandem/kafka-jars in the repository.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
jars=${TANDEM_KAFKA_JARS:-$root/.tandem/kafka-jars}
partitions=${TANDEM_KAFKA_PARTITIONS:-3}

fail() {
	echo "broker.sh: $*" >&2
	exit 1
}

need() {
	command -v "$1" >/dev/null 2>&1 || fail "$1 is missing: apt-get install $2"
}

fetch() {
	need java openjdk-17-jre-headless
	cmp -s "$here/pom.xml" "$jars/pom.xml" && return 0
	need mvn maven
	mkdir -p "$jars"
	mvn -q -B -f "$here/pom.xml" dependency:copy-dependencies -DoutputDirectory="$jars" \
		1>&2 || fail "Maven couldn't bring Kafka; it needs the network the first time"
	cp "$here/pom.xml" "$jars/pom.xml"
}

run_java() {
	java -cp "$jars/*" "$@"
}

format() {
	dir=$1
	port=$2
	mkdir -p "$dir"
	cat >"$dir/server.properties" <<CONFIG
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$((port + 1))
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$((port + 1))
advertised.listeners=PLAINTEXT://127.0.0.1:$port
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs=$dir/data
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
num.partitions=$partitions
log.message.timestamp.type=LogAppendTime
CONFIG
	echo "$port" >"$dir/port"
	id=$(run_java kafka.tools.StorageTool random-uuid)
	run_java kafka.tools.StorageTool format -t "$id" -c "$dir/server.properties" >/dev/null
}

is_up() {
	bash -c "exec 3<>/dev/tcp/127.0.0.1/$1" 2>/dev/null
}

start() {
	dir=$1
	port=$(cat "$dir/port")
	setsid java -Xmx512m -Xms128m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp "$jars/*" \
		kafka.Kafka "$dir/server.properties" >"$dir/broker.log" 2>&1 &
	echo $! >"$dir/pid"
	i=0
	while ! is_up "$port"; do
		kill -0 "$(cat "$dir/pid")" 2>/dev/null ||
			fail "the broker ended at once; see $dir/broker.log"
		i=$((i + 1))
		[ $i -lt 300 ] || fail "the broker doesn't answer after 60 s; see $dir/broker.log"
		sleep 0.2
	done
}

end() {
	signal=$1
	dir=$2
	[ -f "$dir/pid" ] || return 0
	pid=$(cat "$dir/pid")
	kill -s "$signal" "$pid" 2>/dev/null || true
	while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
	rm -f "$dir/pid"
}

topics() {
	dir=$1
	port=$(cat "$dir/port")
	for topic in tandem.call.events.v1 tandem.cdr.v1 tandem.contact.v1 tandem.registration.v1; do
		run_java org.apache.kafka.tools.TopicCommand --bootstrap-server "127.0.0.1:$port" \
			--create --if-not-exists --topic "$topic" --partitions "$partitions" \
			--replication-factor 1 >/dev/null
	done
}

case ${1:-help} in
fetch) fetch ;;
format) fetch && format "$2" "$3" ;;
start) fetch && start "$2" ;;
stop) end TERM "$2" ;;
kill) end KILL "$2" ;;
topics) topics "$2" ;;
*) sed -n '3,10s/^# \{0,1\}//p' "$0" ;;
esac

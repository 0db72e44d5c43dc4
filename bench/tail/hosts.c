/* SPDX-License-Identifier: BSD-2-Clause */
#include "hosts.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define URGENCY 20 /* of SCHED_FIFO */

static volatile sig_atomic_t ending;

static void on_request(int signal)
{
	(void)signal;
	ending = 1;
}

/* Without SA_RESTART: reads and waits come back. */
void catch_requests_to_end(void)
{
	struct sigaction action = { .sa_handler = on_request };
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		(void)sigaction(signals[i], &action, NULL);
}

bool asked_to_end(void)
{
	return ending;
}

/* --- programs --- */

static bool enter(pid_t in)
{
	char path[64];
	int ns, err;

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)in);
	ns = open(path, O_RDONLY | O_CLOEXEC);
	err = ns < 0 || setns(ns, CLONE_NEWNET);
	if (ns >= 0)
		(void)close(ns);
	return !err;
}

static _Noreturn void become(const struct program *p, int out, pid_t parent)
{
	const struct sched_param urgency = { .sched_priority = URGENCY };

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(3);
	/* A terminal's Ctrl-C is for us: we end what we have started. */
	(void)setpgid(0, 0);
	if (p->in && !enter(p->in))
		_exit(3);
	if (p->urgent)
		(void)sched_setscheduler(0, SCHED_FIFO, &urgency);
	if (dup2(out, STDOUT_FILENO) < 0 || dup2(out, STDERR_FILENO) < 0)
		_exit(3);
	execvp(p->argv[0], (char *const *)p->argv);
	fprintf(stderr, "%s: %s\n", p->argv[0], strerror(errno));
	_exit(3);
}

pid_t program_start(const struct program *p, int *out)
{
	pid_t parent = getpid(), pid;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC)) {
		perror("bench: pipe");
		return -1;
	}
	pid = fork();
	if (pid == 0)
		become(p, ends[1], parent);
	(void)close(ends[1]);
	if (pid < 0) {
		perror("bench: fork");
		(void)close(ends[0]);
		return -1;
	}
	*out = ends[0];
	return pid;
}

void program_stop(pid_t pid)
{
	if (pid <= 0)
		return;
	(void)kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

bool program_run(const struct program *p, char *text, size_t size)
{
	size_t used = 0;
	int out, status = -1;
	ssize_t n;
	pid_t pid = program_start(p, &out);

	text[0] = '\0';
	if (pid < 0)
		return false;
	while (!ending) {
		char rest[512];
		bool fits = used + 1 < size;

		n = read(out, fits ? text + used : rest, fits ? size - 1 - used : sizeof(rest));
		if (n == 0 || (n < 0 && errno != EINTR))
			break;
		if (n > 0 && fits)
			used += (size_t)n;
	}
	text[used] = '\0';
	(void)close(out);
	if (ending) {
		program_stop(pid);
		return false;
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (status == 0)
		return true;
	fprintf(stderr, "bench: %s failed:\n%s", p->argv[0], text);
	return false;
}

void program_finish(const struct program *p)
{
	char rest[512];
	int out;
	pid_t pid = program_start(p, &out);

	if (pid < 0)
		return;
	for (ssize_t n = 1; n > 0 || (n < 0 && errno == EINTR);)
		n = read(out, rest, sizeof(rest));
	(void)close(out);
	program_stop(pid); /* it has ended */
}

/* --- hosts --- */

static pid_t make_host(void)
{
	static const char *const argv[] = { "sleep", "infinity", NULL };
	pid_t parent = getpid(), pid;
	int ends[2];
	char byte;

	if (pipe2(ends, O_CLOEXEC))
		return -1;
	pid = fork();
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)setpgid(0, 0);
		if (getppid() != parent || unshare(CLONE_NEWNET) || write(ends[1], "", 1) != 1)
			_exit(3);
		execvp(argv[0], (char *const *)argv);
		_exit(3);
	}
	(void)close(ends[1]);
	if (pid > 0 && read(ends[0], &byte, 1) != 1) { /* it has a namespace of its own by now */
		program_stop(pid);
		pid = -1;
	}
	(void)close(ends[0]);
	return pid;
}

static bool ip(pid_t in, const char *command)
{
	const char *argv[16] = { "ip" };
	char words[160], text[512], *save;
	int n = 1;

	(void)snprintf(words, sizeof(words), "%s", command);
	for (char *w = strtok_r(words, " ", &save); w && n < 15; w = strtok_r(NULL, " ", &save))
		argv[n++] = w;
	return program_run(&(struct program){ .in = in, .argv = argv }, text, sizeof(text));
}

bool hosts_open(struct hosts *h)
{
	char pair[160];

	h->server = make_host();
	h->client = h->server > 0 ? make_host() : -1;
	if (h->server < 0 || h->client < 0) {
		fputs("bench: no network namespaces can be made\n", stderr);
		return false;
	}
	(void)snprintf(pair, sizeof(pair), "link add wire type veth peer name wire netns %d",
		       (int)h->client);
	return ip(h->server, pair) && ip(h->server, "address add " HOSTS_SERVER "/24 dev wire") &&
	       ip(h->client, "address add 10.9.0.2/24 dev wire") &&
	       ip(h->server, "link set lo up") && ip(h->client, "link set lo up") &&
	       ip(h->server, "link set wire up") && ip(h->client, "link set wire up");
}

void hosts_close(struct hosts *h)
{
	program_stop(h->client);
	program_stop(h->server);
	*h = (struct hosts){ 0 };
}

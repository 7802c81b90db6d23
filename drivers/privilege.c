/* SPDX-License-Identifier: BSD-3-Clause */
#include "drivers/privilege.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Those that a port may need; setcap's names. */
static const struct {
	unsigned int capability;
	const char *name;
} privileges[] = {
	{CAP_NET_ADMIN, "cap_net_admin"},
	{CAP_NET_RAW, "cap_net_raw"},
	{CAP_IPC_LOCK, "cap_ipc_lock"},
	{CAP_SYS_ADMIN, "cap_sys_admin"},
	{CAP_BPF, "cap_bpf"},
};

uint64_t
privileges_missing(uint64_t wanted)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{0}};

	if (syscall(SYS_capget, &header, data) != 0)
		return wanted;
	return wanted & ~(data[0].effective | (uint64_t)data[1].effective << 32);
}

void
privileges_format(uint64_t set, char *text, size_t size)
{
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < sizeof(privileges) / sizeof(privileges[0]) && used < size; i++) {
		if ((set & PRIVILEGE(privileges[i].capability)) != 0)
			used += (size_t)snprintf(text + used, size - used, "%s%s",
						 used == 0 ? "" : ",", privileges[i].name);
	}
}

uint64_t
privilege_lockable_bytes(void)
{
	struct rlimit limit;

	if (privileges_missing(PRIVILEGE(CAP_IPC_LOCK)) == 0 ||
	    getrlimit(RLIMIT_MEMLOCK, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
		return UINT64_MAX;
	return limit.rlim_cur;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * named_cases.h - one case that works and one that fails of every command, flag, opcode, tuning word
 * and group of statistics, by name: docs/protocol.md's tables are checked against these names.
 *
 * A command is named PROTOCOL_words (text_lru_crawler_sleep), a flag COMMAND_flag (mg_t, ms_T), an
 * opcode binary_name; its case that fails has _error behind it.
 */
#ifndef JACKDAW_TESTS_NAMED_CASES_H
#define JACKDAW_TESTS_NAMED_CASES_H

enum case_judge {
	JUDGED_BY_MEMCACHED, /* the answer is memcached 1.6.18's, too */
	JUDGED_BY_US,	     /* 1.6.45's, or deliberately different: as written here alone */
};

/*
 * In `asked`, \1 stands for the unique that k0 was last shown with. In `answer`, uniques and times
 * are as normalise.h leaves them.
 */
struct named_case {
	const char *name;
	enum case_judge judge;
	const char *before; /* asked first, on a stream of its own; its answer is not looked at */
	const char *asked;
	const char *answer;
};

#define KEY_251                                                                                    \
	"kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"     \
	"kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"     \
	"kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"
#define SET_K0	   "set k0 5 0 2\r\nab\r\n"
#define SET_N0	   "set n0 0 0 2\r\n10\r\n"
#define SHOW_K0	   SET_K0 SET_K0 "gets k0\r\n"
#define VALUE_AB   "VALUE k0 5 2\r\nab\r\n"
#define BAD_FORMAT "CLIENT_ERROR bad command line format\r\n"
#define BAD_TOKEN  "CLIENT_ERROR bad token in command line format\r\n"
#define DUPLICATE  "CLIENT_ERROR duplicate flag\r\n"
#define EITHER	   "CLIENT_ERROR invalid or duplicate flag\r\n"
#define UNIQUE(n)  "unique-" #n

#define SAME JUDGED_BY_MEMCACHED
#define OURS JUDGED_BY_US

static const struct named_case text_cases_named[] = {
	/* retrieval */
	{"text_get", SAME, SET_K0, "get k0 k1 k0\r\n", VALUE_AB VALUE_AB "END\r\n"},
	{"text_get_error", SAME, "", "get " KEY_251 "\r\nget\r\n", BAD_FORMAT "ERROR\r\n"},
	{"text_gets", SAME, SET_K0, "gets k0\r\n", "VALUE k0 5 2 unique-1\r\nab\r\nEND\r\n"},
	{"text_gets_error", SAME, "", "gets " KEY_251 "\r\ngets\r\n", BAD_FORMAT "ERROR\r\n"},
	{"text_bget", SAME, SET_K0, "bget k0\r\n", VALUE_AB "END\r\n"},
	{"text_bget_error", SAME, "", "bget\r\n", "ERROR\r\n"},
	{"text_gat", SAME, SET_K0, "gat 100 k0 k1\r\nmg k0 t\r\n", VALUE_AB "END\r\nHD t100\r\n"},
	{"text_gat_error", SAME, SET_K0, "gat 0 " KEY_251 "\r\ngat x k0\r\ngat\r\n",
	 BAD_FORMAT "CLIENT_ERROR invalid exptime argument\r\nERROR\r\n"},
	{"text_gats", SAME, SET_K0, "gats 100 k0\r\nmg k0 t\r\n",
	 "VALUE k0 5 2 unique-1\r\nab\r\nEND\r\nHD t100\r\n"},
	{"text_gats_error", SAME, SET_K0, "gats x k0\r\n",
	 "CLIENT_ERROR invalid exptime argument\r\n"},

	/* storage */
	{"text_set", SAME, "", SET_K0 "get k0\r\n", "STORED\r\n" VALUE_AB "END\r\n"},
	{"text_set_error", SAME, "",
	 "set k0 0 0 1\r\nab\r\nset k0 0 0\r\nset k0 x 0 1\r\nset k0 0 0 -1\r\n",
	 "CLIENT_ERROR bad data chunk\r\nERROR\r\nERROR\r\n" BAD_FORMAT BAD_FORMAT},
	{"text_add", SAME, "", "add k0 5 0 2\r\nab\r\nget k0\r\n", "STORED\r\n" VALUE_AB "END\r\n"},
	{"text_add_error", SAME, SET_K0, "add k0 0 0 1\r\nx\r\nadd k0 0 0\r\n",
	 "NOT_STORED\r\nERROR\r\n"},
	{"text_replace", SAME, "set k0 0 0 1\r\nx\r\n", "replace k0 5 0 2\r\nab\r\nget k0\r\n",
	 "STORED\r\n" VALUE_AB "END\r\n"},
	{"text_replace_error", SAME, "", "replace k0 0 0 1\r\nx\r\nreplace k0 0 0 x\r\n",
	 "NOT_STORED\r\n" BAD_FORMAT},
	{"text_append", SAME, SET_K0, "append k0 9 9 2\r\ncd\r\nget k0\r\n",
	 "STORED\r\nVALUE k0 5 4\r\nabcd\r\nEND\r\n"},
	{"text_append_error", SAME, "", "append k0 0 0 1\r\nx\r\nappend k0 0 0 1\r\nxyz\r\n",
	 "NOT_STORED\r\nCLIENT_ERROR bad data chunk\r\nERROR\r\n"},
	{"text_prepend", SAME, SET_K0, "prepend k0 9 9 2\r\ncd\r\nget k0\r\n",
	 "STORED\r\nVALUE k0 5 4\r\ncdab\r\nEND\r\n"},
	{"text_prepend_error", SAME, "", "prepend k0 0 0 1\r\nx\r\nprepend k0\r\n",
	 "NOT_STORED\r\nERROR\r\n"},
	{"text_cas", SAME, SHOW_K0, "cas k0 5 0 2 \1\r\nba\r\nget k0\r\n",
	 "STORED\r\nVALUE k0 5 2\r\nba\r\nEND\r\n"},
	{"text_cas_error", SAME, SHOW_K0,
	 "cas k0 0 0 1 0\r\nx\r\ncas k1 0 0 1 1\r\nx\r\ncas k0 0 0 1\r\ncas k0 0 0 1 x\r\n",
	 "EXISTS\r\nNOT_FOUND\r\nERROR\r\n" BAD_FORMAT},

	/* one key */
	{"text_incr", SAME, SET_N0, "incr n0 5\r\nget n0\r\n",
	 "15\r\nVALUE n0 0 2\r\n15\r\nEND\r\n"},
	{"text_incr_error", SAME, SET_K0, "incr k0 1\r\nincr n0 x\r\nincr n0 1\r\nincr n0\r\n",
	 "CLIENT_ERROR cannot increment or decrement non-numeric value\r\n"
	 "CLIENT_ERROR invalid numeric delta argument\r\nNOT_FOUND\r\nERROR\r\n"},
	{"text_decr", SAME, SET_N0, "decr n0 3\r\ndecr n0 30\r\n", "7\r\n0\r\n"},
	{"text_decr_error", SAME, SET_K0, "decr k0 1\r\ndecr n0 -1\r\ndecr n0 1\r\n",
	 "CLIENT_ERROR cannot increment or decrement non-numeric value\r\n"
	 "CLIENT_ERROR invalid numeric delta argument\r\nNOT_FOUND\r\n"},
	{"text_touch", SAME, SET_K0, "touch k0 100\r\nmg k0 t\r\n", "TOUCHED\r\nHD t100\r\n"},
	{"text_touch_error", SAME, SET_K0, "touch k1 100\r\ntouch k0 x\r\ntouch k0\r\n",
	 "NOT_FOUND\r\nCLIENT_ERROR invalid exptime argument\r\nERROR\r\n"},
	{"text_delete", SAME, SET_K0, "delete k0 0\r\nget k0\r\n", "DELETED\r\nEND\r\n"},
	{"text_delete_error", SAME, "", "delete k0\r\ndelete k0 10\r\ndelete\r\n",
	 "NOT_FOUND\r\nCLIENT_ERROR bad command line format.  Usage: delete <key> [noreply]\r\n"
	 "ERROR\r\n"},

	/* the server */
	{"text_flush_all", SAME, SET_K0, "flush_all\r\nget k0\r\n", "OK\r\nEND\r\n"},
	{"text_flush_all_error", SAME, "", "flush_all x\r\nflush_all 0 0 0\r\n",
	 "CLIENT_ERROR invalid exptime argument\r\nERROR\r\n"},
	{"text_verbosity", SAME, "", "verbosity 0\r\n", "OK\r\n"},
	{"text_verbosity_error", SAME, "", "verbosity\r\nverbosity x\r\n", "ERROR\r\n" BAD_FORMAT},
	{"text_version", SAME, "", "version\r\n", "VERSION 1.6.18\r\n"},
	{"text_version_error", SAME, "", "VERSION\r\n", "ERROR\r\n"},
	{"text_quit", SAME, "", "mn\r\nquit\r\nmn\r\n", "MN\r\n"},
	{"text_quit_error", SAME, "", "quitter\r\nmn\r\n", "ERROR\r\nMN\r\n"},
	{"text_mn", SAME, "", "mg k0 q\r\nmn\r\n", "MN\r\n"},
	{"text_mn_error", SAME, "", "mN\r\n", "ERROR\r\n"},
	{"text_noreply", SAME, SET_N0,
	 "set k0 5 0 2 noreply\r\nab\r\nadd k1 0 0 1 noreply\r\nx\r\nincr n0 1 noreply\r\n"
	 "touch k0 0 noreply\r\nflush_all x noreply\r\nverbosity 0 noreply\r\n"
	 "delete k1 noreply\r\nget k0 k1 n0\r\n",
	 VALUE_AB "VALUE n0 0 2\r\n11\r\nEND\r\n"},
	{"text_noreply_error", SAME, "",
	 "incr n0 x noreply\r\nset k0 x 0 1 noreply\r\nversion noreply\r\n", "VERSION 1.6.18\r\n"},

	/* tuning words */
	{"text_slabs_reassign", SAME, "", "slabs reassign 1 2\r\n",
	 "NOSPARE source class has no spare pages\r\n"},
	{"text_slabs_reassign_error", SAME, "",
	 "slabs reassign 1 1\r\nslabs reassign x 1\r\nslabs reassign 1\r\nslabs reassign 1 40\r\n",
	 "SAME src and dst class are identical\r\n" BAD_FORMAT "ERROR\r\n"
	 "BADCLASS invalid src or dst class id\r\n"},
	{"text_slabs_automove", SAME, "", "slabs automove 1\r\nslabs automove ratio 0.8\r\n",
	 "OK\r\nOK\r\n"},
	{"text_slabs_automove_error", SAME, "", "slabs automove 3\r\nslabs automove x\r\n",
	 "ERROR\r\n" BAD_FORMAT},
	{"text_lru_tune", SAME, "", "lru tune 20 40 0.2 2.0\r\n", "OK\r\n"},
	{"text_lru_tune_error", SAME, "", "lru tune 60 60 0.1 2.0\r\nlru tune 10 25 0 2.0\r\n",
	 "ERROR hot and warm pcts must not exceed 80\r\n"
	 "ERROR hot/warm age factors must be greater than 0\r\n"},
	{"text_lru_mode", SAME, "", "lru mode flat\r\nlru mode segmented\r\n", "OK\r\nOK\r\n"},
	{"text_lru_mode_error", SAME, "", "lru mode round\r\n", "ERROR\r\n"},
	{"text_lru_temp_ttl", SAME, "", "lru temp_ttl 60\r\nlru temp_ttl -1\r\n", "OK\r\nOK\r\n"},
	{"text_lru_temp_ttl_error", SAME, "", "lru temp_ttl x\r\n", "ERROR\r\n"},
	{"text_lru_crawler_enable", OURS, "", "lru_crawler enable\r\n", "OK\r\n"},
	{"text_lru_crawler_enable_error", SAME, "", "lru_crawler enable x\r\n", "ERROR\r\n"},
	{"text_lru_crawler_disable", OURS, "", "lru_crawler disable\r\n", "OK\r\n"},
	{"text_lru_crawler_disable_error", SAME, "", "lru_crawler disable x\r\n", "ERROR\r\n"},
	{"text_lru_crawler_sleep", SAME, "", "lru_crawler sleep 100\r\n", "OK\r\n"},
	{"text_lru_crawler_sleep_error", SAME, "",
	 "lru_crawler sleep 1000001\r\nlru_crawler sleep x\r\n",
	 "CLIENT_ERROR sleep must be one second or less\r\n" BAD_FORMAT},
	{"text_lru_crawler_tocrawl", SAME, "", "lru_crawler tocrawl 0\r\n", "OK\r\n"},
	{"text_lru_crawler_tocrawl_error", SAME, "", "lru_crawler tocrawl x\r\n", BAD_FORMAT},
	{"text_lru_crawler_crawl", OURS, SET_K0, "lru_crawler crawl all\r\n", "OK\r\n"},
	{"text_lru_crawler_crawl_error", SAME, "", "lru_crawler crawl 99\r\nlru_crawler crawl\r\n",
	 "BADCLASS invalid class id\r\nERROR\r\n"},
	{"text_lru_crawler_metadump_error", SAME, "", "lru_crawler metadump x\r\n",
	 "BADCLASS invalid class id\r\n"},
	{"text_lru_crawler_mgdump_error", OURS, "", "lru_crawler mgdump x\r\n",
	 "BADCLASS invalid class id\r\n"},
	{"text_extstore", SAME, "", "extstore item_size 512\r\n", "OK\r\n"},
	{"text_extstore_error", SAME, "", "extstore x 1\r\nextstore\r\n", "ERROR\r\nERROR\r\n"},
	{"text_cache_memlimit", SAME, "", "cache_memlimit 64\r\n", "OK\r\n"},
	{"text_cache_memlimit_error", SAME, "",
	 "cache_memlimit 5\r\ncache_memlimit x\r\ncache_memlimit 1073741824\r\n",
	 "MEMLIMIT_TOO_SMALL cannot set maxbytes to less than 8m\r\nERROR\r\n"
	 "MEMLIMIT_ADJUST_FAILED input value is megabytes not bytes\r\n"},
	{"text_shutdown_error", SAME, "", "shutdown\r\n", "ERROR: shutdown not enabled\r\n"},
	{"text_refresh_certs_error", OURS, "", "refresh_certs\r\n", "ERROR\r\n"},
	{"text_stats_cachedump_error", OURS, "", "stats cachedump 1 1\r\n",
	 "CLIENT_ERROR stats cachedump not allowed\r\n"},
	{"text_stats_sizes_enable_error", OURS, "", "stats sizes_enable\r\n", "ERROR\r\n"},
	{"text_stats_sizes_disable_error", OURS, "", "stats sizes_disable\r\n", "ERROR\r\n"},
	{"text_stats_extstore", SAME, "", "stats extstore\r\nstats extstore x\r\n",
	 "END\r\nEND\r\n"},
	{"text_stats_reset", SAME, "", "stats reset\r\n", "RESET\r\n"},
	{"text_stats_reset_error", SAME, "", "stats rese\r\n", "ERROR\r\n"},
	{"text_stats_detail", SAME, "",
	 "stats detail on\r\nstats detail off\r\nstats detail dump\r\n", "OK\r\nOK\r\nEND\r\n"},
	{"text_stats_detail_error", SAME, "", "stats detail\r\nstats detail x\r\n",
	 "CLIENT_ERROR usage: stats detail on|off|dump\r\n"
	 "CLIENT_ERROR usage: stats detail on|off|dump\r\n"},

	/* the stream */
	{"text_long_line_error", SAME, "", "set " KEY_251 " 0 0 1\r\n", BAD_FORMAT},
	{"text_too_large_error", SAME, SET_K0, "set k0 0 0 2000000\r\n", ""},
	{"text_http_error", SAME, "", "GET / HTTP/1.1\r\nmn\r\n", ""},
};

#define MG				   "mg k0"
#define FLAG_TWICE(command, flag, refusal) command " " flag " " flag "\r\n", refusal

static const struct named_case meta_cases_named[] = {
	/* mg */
	{"mg", SAME, SET_K0, "mg k0\r\nmg k0 v\r\nmg k1\r\n", "HD\r\nVA 2\r\nab\r\nEN\r\n"},
	{"mg_error", SAME, "", "mg " KEY_251 "\r\nmg k0 !\r\n",
	 BAD_FORMAT "CLIENT_ERROR invalid flag\r\n"},
	{"mg_b", SAME, "ms azA= 2 b\r\nab\r\n", "mg azA= b k v\r\nget k0\r\n",
	 "VA 2 kazA= b\r\nab\r\nVALUE k0 0 2\r\nab\r\nEND\r\n"},
	{"mg_b_error", SAME, "", "mg k0 b\r\n", "CLIENT_ERROR error decoding key\r\n"},
	{"mg_c", SAME, SET_K0, "mg k0 c\r\n", "HD c-unique-1\r\n"},
	{"mg_c_error", SAME, "", FLAG_TWICE(MG, "c", DUPLICATE)},
	{"mg_f", SAME, SET_K0, "mg k0 f\r\n", "HD f5\r\n"},
	{"mg_f_error", SAME, "", FLAG_TWICE(MG, "f", DUPLICATE)},
	{"mg_h", SAME, SET_K0, "mg k0 h\r\nmg k0 h\r\n", "HD h0\r\nHD h1\r\n"},
	{"mg_h_error", SAME, "", FLAG_TWICE(MG, "h", DUPLICATE)},
	{"mg_k", SAME, SET_K0, "mg k0 k\r\nmg k1 k\r\n", "HD kk0\r\nEN kk1\r\n"},
	{"mg_k_error", SAME, "", FLAG_TWICE(MG, "k", DUPLICATE)},
	{"mg_l", SAME, SET_K0, "mg k0 l\r\n", "HD l\r\n"},
	{"mg_l_error", SAME, "", FLAG_TWICE(MG, "l", DUPLICATE)},
	{"mg_O", SAME, SET_K0, "mg k0 Oabc\r\n", "HD Oabc\r\n"},
	{"mg_O_error", SAME, "", "mg k0 O12345678901234567890123456789012\r\n",
	 "CLIENT_ERROR opaque token too long\r\n"},
	{"mg_q", SAME, SET_K0, "mg k1 q\r\nmg k0 q v\r\nmn\r\n", "VA 2\r\nab\r\nMN\r\n"},
	{"mg_q_error", SAME, "", FLAG_TWICE(MG, "q", DUPLICATE)},
	{"mg_s", SAME, SET_K0, "mg k0 s\r\n", "HD s2\r\n"},
	{"mg_s_error", SAME, "", FLAG_TWICE(MG, "s", DUPLICATE)},
	{"mg_t", SAME, "set k0 0 100 1\r\nx\r\nset k1 0 0 1\r\nx\r\n", "mg k0 t\r\nmg k1 t\r\n",
	 "HD t100\r\nHD t-1\r\n"},
	{"mg_t_error", SAME, "", FLAG_TWICE(MG, "t", DUPLICATE)},
	{"mg_v", SAME, SET_K0, "mg k0 v\r\n", "VA 2\r\nab\r\n"},
	{"mg_v_error", SAME, "", FLAG_TWICE(MG, "v", DUPLICATE)},
	{"mg_u", SAME, SET_K0, "mg k0 u\r\nmg k0 h\r\n", "HD\r\nHD h0\r\n"},
	{"mg_u_error", SAME, "", FLAG_TWICE(MG, "u", DUPLICATE)},
	{"mg_C", OURS, SHOW_K0, "mg k0 v C\1\r\nmg k0 v C987654321\r\n", "HD\r\nVA 2\r\nab\r\n"},
	{"mg_C_error", OURS, "", "mg k0 Cx\r\n", BAD_TOKEN},
	{"mg_N", SAME, "", "mg k0 N100 v t\r\nmg k0 v\r\n", "VA 0 t100 W\r\n\r\nVA 0 Z\r\n\r\n"},
	{"mg_N_error", SAME, "", "mg k0 N\r\nmg k0 Nx\r\n", BAD_TOKEN BAD_TOKEN},
	{"mg_R", SAME, "set k0 0 10 1\r\nx\r\n", "mg k0 R100\r\nmg k0 R100\r\n",
	 "HD W\r\nHD Z\r\n"},
	{"mg_R_error", SAME, "", "mg k0 R\r\nmg k0 Rx\r\n", BAD_TOKEN BAD_TOKEN},
	{"mg_T", SAME, SET_K0, "mg k0 T200 t\r\n", "HD t200\r\n"},
	{"mg_T_error", SAME, "", "mg k0 Tx\r\n", BAD_TOKEN},
	{"mg_E", OURS, "", "mg k0 N100 E77 c\r\nms k0 1 C77\r\nx\r\n", "HD c77 W\r\nHD\r\n"},
	{"mg_E_error", OURS, "", "mg k0 Ex\r\n", BAD_TOKEN},

	/* ms */
	{"ms", SAME, "", "ms k0 2\r\nab\r\nmg k0 v\r\n", "HD\r\nVA 2\r\nab\r\n"},
	{"ms_error", SAME, "", "ms k0\r\nms k0 x\r\nms k0 1\r\nab\r\n",
	 BAD_FORMAT BAD_FORMAT "CLIENT_ERROR bad data chunk\r\nERROR\r\n"},
	{"ms_b", SAME, "", "ms azA= 1 b k\r\nx\r\nget k0\r\n",
	 "HD kazA= b\r\nVALUE k0 0 1\r\nx\r\nEND\r\n"},
	{"ms_b_error", SAME, "", "ms k0 1 b\r\nx\r\n", "CLIENT_ERROR error decoding key\r\n"},
	{"ms_c", SAME, "", "ms k0 1 c\r\nx\r\ngets k0\r\n",
	 "HD c-unique-1\r\nVALUE k0 0 1 unique-1\r\nx\r\nEND\r\n"},
	{"ms_c_error", SAME, "", "ms k0 1 c c\r\nx\r\n", DUPLICATE},
	{"ms_k", SAME, "", "ms k0 1 k\r\nx\r\n", "HD kk0\r\n"},
	{"ms_k_error", SAME, "", "ms k0 1 k k\r\nx\r\n", DUPLICATE},
	{"ms_O", SAME, "", "ms k0 1 O9\r\nx\r\n", "HD O9\r\n"},
	{"ms_O_error", SAME, "", "ms k0 1 O12345678901234567890123456789012\r\nx\r\n",
	 "CLIENT_ERROR opaque token too long\r\n"},
	{"ms_q", SAME, "", "ms k0 1 q\r\nx\r\nmn\r\n", "MN\r\n"},
	{"ms_q_error", SAME, "", "ms k0 1 q MR\r\nx\r\nms k0 1 q q\r\nx\r\n", "NS\r\n" DUPLICATE},
	{"ms_s", OURS, "", "ms k0 3 s\r\nabc\r\n", "HD s3\r\n"},
	{"ms_s_error", OURS, "", "ms k0 1 s s\r\nx\r\n", DUPLICATE},
	{"ms_F", SAME, "", "ms k0 1 F7\r\nx\r\nmg k0 f\r\n", "HD\r\nHD f7\r\n"},
	{"ms_F_error", SAME, "", "ms k0 1 Fx\r\nx\r\n", BAD_FORMAT},
	{"ms_T", SAME, "", "ms k0 1 T100\r\nx\r\nmg k0 t\r\n", "HD\r\nHD t100\r\n"},
	{"ms_T_error", SAME, "", "ms k0 1 Tx\r\nx\r\n", BAD_TOKEN},
	{"ms_ME", SAME, "", "ms k0 1 ME\r\nx\r\nms k0 1 ME\r\ny\r\nmg k0 v\r\n",
	 "HD\r\nNS\r\nVA 1\r\nx\r\n"},
	{"ms_ME_error", SAME, SET_K0, "ms k0 1 ME\r\nx\r\n", "NS\r\n"},
	{"ms_MA", SAME, SET_K0, "ms k0 1 MA\r\nx\r\nmg k0 v\r\n", "HD\r\nVA 3\r\nabx\r\n"},
	{"ms_MA_error", SAME, "", "ms k0 1 MA\r\nx\r\n", "NS\r\n"},
	{"ms_MP", SAME, SET_K0, "ms k0 1 MP\r\nx\r\nmg k0 v\r\n", "HD\r\nVA 3\r\nxab\r\n"},
	{"ms_MP_error", SAME, "", "ms k0 1 MP\r\nx\r\n", "NS\r\n"},
	{"ms_MR", SAME, SET_K0, "ms k0 1 MR\r\nx\r\nmg k0 v\r\n", "HD\r\nVA 1\r\nx\r\n"},
	{"ms_MR_error", SAME, "", "ms k0 1 MR\r\nx\r\n", "NS\r\n"},
	{"ms_MS", SAME, SET_K0, "ms k0 1 MS\r\nx\r\nmg k0 v\r\n", "HD\r\nVA 1\r\nx\r\n"},
	{"ms_MS_error", SAME, "", "ms k0 1 MX\r\nx\r\nms k0 1 MS MS\r\nx\r\n",
	 "CLIENT_ERROR invalid mode for ms M token\r\n" DUPLICATE},
	{"ms_N", OURS, "", "ms k0 1 MA N100\r\nx\r\nmg k0 v t\r\n", "HD\r\nVA 1 t100\r\nx\r\n"},
	{"ms_N_error", OURS, "", "ms k0 1 MA Nx\r\nx\r\n", BAD_TOKEN},
	{"ms_C", SAME, SHOW_K0, "ms k0 1 C\1\r\nx\r\nmg k0 v\r\n", "HD\r\nVA 1\r\nx\r\n"},
	{"ms_C_error", SAME, SHOW_K0,
	 "ms k0 1 C987654321\r\nx\r\nms k1 1 C987654321\r\nx\r\nms k0 1 Cx\r\nx\r\n",
	 "EX\r\nNF\r\n" BAD_TOKEN},
	{"ms_E", OURS, "", "ms k0 1 E123\r\nx\r\nmd k0 C123\r\n", "HD\r\nHD\r\n"},
	{"ms_E_error", OURS, "", "ms k0 1 Ex\r\nx\r\n", BAD_TOKEN},
	{"ms_I", SAME, SHOW_K0, "ms k0 1 I C1\r\nx\r\nmg k0 v\r\n", "HD\r\nVA 1 X W\r\nx\r\n"},
	{"ms_I_error", SAME, SHOW_K0,
	 "ms k0 1 I C18446744073709551615\r\nx\r\nms k0 1 I I\r\nx\r\n", "EX\r\n" DUPLICATE},

	/* md */
	{"md", SAME, SET_K0, "md k0\r\nmd k0\r\n", "HD\r\nNF\r\n"},
	{"md_error", SAME, "", "md " KEY_251 "\r\n", BAD_FORMAT},
	{"md_b", SAME, SET_K0, "md azA= b k\r\n", "HD kazA= b\r\n"},
	{"md_b_error", OURS, "", "md k0 b\r\n", "CLIENT_ERROR error decoding key\r\n"},
	{"md_k", SAME, SET_K0, "md k0 k\r\n", "HD kk0\r\n"},
	{"md_k_error", OURS, "", FLAG_TWICE("md k0", "k", DUPLICATE)},
	{"md_O", SAME, SET_K0, "md k0 O7\r\n", "HD O7\r\n"},
	{"md_O_error", OURS, "", "md k0 O12345678901234567890123456789012\r\n",
	 "CLIENT_ERROR opaque token too long\r\n"},
	{"md_q", SAME, SET_K0, "md k0 q\r\nmn\r\nmd k0 q\r\n", "MN\r\nNF\r\n"},
	{"md_q_error", OURS, SHOW_K0, "md k0 q C987654321\r\nmd k0 q q\r\n", "EX\r\n" DUPLICATE},
	{"md_C", SAME, SHOW_K0, "md k0 C\1\r\n", "HD\r\n"},
	{"md_C_error", OURS, SHOW_K0, "md k0 C987654321\r\nmd k0 Cx\r\n", "EX\r\n" BAD_TOKEN},
	{"md_E", OURS, SHOW_K0, "md k0 I E9\r\nms k0 1 C9\r\nx\r\n", "HD\r\nHD\r\n"},
	{"md_E_error", OURS, "", "md k0 Ex\r\n", BAD_TOKEN},
	{"md_I", SAME, SET_K0, "md k0 I\r\nmg k0 v\r\nmg k0 v\r\n",
	 "HD\r\nVA 2 X W\r\nab\r\nVA 2 Z X\r\nab\r\n"},
	{"md_I_error", OURS, "", "md k0 I\r\nmd k0 I I\r\n", "NF\r\n" DUPLICATE},
	{"md_T", SAME, SET_K0, "md k0 I T100\r\nmg k0 t\r\n", "HD\r\nHD t100 X W\r\n"},
	{"md_T_error", OURS, "", "md k0 I Tx\r\n", BAD_TOKEN},
	{"md_x", OURS, SET_K0, "md k0 x\r\nmg k0 v f\r\n", "HD\r\nVA 0 f0\r\n\r\n"},
	{"md_x_error", OURS, "", "md k0 x\r\nmd k0 x x\r\n", "NF\r\n" DUPLICATE},

	/* ma */
	{"ma", SAME, SET_N0, "ma n0\r\nmg n0 v\r\nma n1\r\n", "HD\r\nVA 2\r\n11\r\nNF\r\n"},
	{"ma_error", SAME, SET_K0, "ma k0\r\nma " KEY_251 "\r\n",
	 "CLIENT_ERROR cannot increment or decrement non-numeric value\r\n" BAD_FORMAT},
	{"ma_b", SAME, SET_N0, "ma bjA= b k\r\n", "HD kbjA= b\r\n"},
	{"ma_b_error", SAME, "", "ma n0 b\r\n", EITHER},
	{"ma_c", SAME, SET_N0, "ma n0 c\r\n", "HD c-unique-1\r\n"},
	{"ma_c_error", SAME, "", FLAG_TWICE("ma n0", "c", EITHER)},
	{"ma_k", SAME, SET_N0, "ma n0 k\r\n", "HD kn0\r\n"},
	{"ma_k_error", SAME, "", FLAG_TWICE("ma n0", "k", EITHER)},
	{"ma_O", SAME, SET_N0, "ma n0 O1\r\n", "HD O1\r\n"},
	{"ma_O_error", OURS, "", "ma n0 O12345678901234567890123456789012\r\n", EITHER},
	{"ma_q", SAME, SET_N0, "ma n0 q\r\nmn\r\nma n1 q\r\n", "MN\r\nNF\r\n"},
	{"ma_q_error", SAME, SET_K0, "ma k0 q\r\nma n0 q q\r\n",
	 "CLIENT_ERROR cannot increment or decrement non-numeric value\r\n" EITHER},
	{"ma_t", SAME, "set n0 0 100 1\r\n1\r\n", "ma n0 t\r\n", "HD t100\r\n"},
	{"ma_t_error", SAME, "", FLAG_TWICE("ma n0", "t", EITHER)},
	{"ma_v", SAME, SET_N0, "ma n0 v\r\n", "VA 2\r\n11\r\n"},
	{"ma_v_error", SAME, "", FLAG_TWICE("ma n0", "v", EITHER)},
	{"ma_D", SAME, SET_N0, "ma n0 D5 v\r\n", "VA 2\r\n15\r\n"},
	{"ma_D_error", SAME, "", "ma n0 Dx\r\n", EITHER},
	{"ma_J", SAME, "", "ma n0 N0 J13 v\r\n", "VA 2\r\n13\r\n"},
	{"ma_J_error", SAME, "", "ma n0 N0 Jx\r\n", EITHER},
	{"ma_N", SAME, "", "ma n0 N100 v\r\nmg n0 t\r\n", "VA 1\r\n0\r\nHD t100\r\n"},
	{"ma_N_error", SAME, "", "ma n0 Nx\r\n", EITHER},
	{"ma_T", SAME, SET_N0, "ma n0 T100 t\r\n", "HD t100\r\n"},
	{"ma_T_error", SAME, "", "ma n0 Tx\r\n", EITHER},
	{"ma_MI", SAME, SET_N0, "ma n0 MI v\r\nma n0 M+ v\r\n", "VA 2\r\n11\r\nVA 2\r\n12\r\n"},
	{"ma_MI_error", SAME, "", "ma n1 MI\r\nma n0 MX\r\n",
	 "NF\r\nCLIENT_ERROR invalid mode for ma M token\r\n"},
	{"ma_MD", SAME, SET_N0, "ma n0 MD D3 v\r\nma n0 M- D9 v\r\n", "VA 1\r\n7\r\nVA 1\r\n0\r\n"},
	{"ma_MD_error", SAME, "", "ma n1 MD\r\nma n0 MD MD\r\n", "NF\r\n" EITHER},
	{"ma_C", OURS, SHOW_K0, "ms k0 2 C\1 E55\r\n10\r\nma k0 C55 v\r\n", "HD\r\nVA 2\r\n11\r\n"},
	{"ma_C_error", SAME, SET_N0, "ma n0 C987654321\r\nma n0 Cx\r\n", "EX\r\n" EITHER},
	{"ma_E", OURS, SET_N0, "ma n0 E99\r\nma n0 C99 v\r\n", "HD\r\nVA 2\r\n12\r\n"},
	{"ma_E_error", OURS, "", "ma n0 Ex\r\n", EITHER},

	/* me, and what all ignore */
	{"me", SAME, SET_K0, "me k0\r\nme k1\r\n",
	 "ME k0 exp=0 la= cas=unique-1 fetch=no cls= siz\r\nEN\r\n"},
	{"me_error", SAME, "", "me\r\nme " KEY_251 "\r\n", BAD_FORMAT BAD_FORMAT},
	{"me_b", SAME, SET_K0, "me azA= b\r\n",
	 "ME k0 exp=0 la= cas=unique-1 fetch=no cls= siz\r\n"},
	{"me_b_error", SAME, "", "me k0 b\r\n", BAD_FORMAT},
	{"meta_P", SAME, SET_K0, "mg k0 Ppath\r\n", "HD\r\n"},
	{"meta_P_error", SAME, SET_K0, "mg k0 P P\r\n", DUPLICATE},
	{"meta_L", SAME, SET_K0, "mg k0 Lhint\r\n", "HD\r\n"},
	{"meta_L_error", SAME, SET_K0, "mg k0 L L\r\n", DUPLICATE},
};

/*
 * Binary: a packet a line, OPCODE [EXTRAS] KEY CAS =VALUE: extras in hexadecimal, a unique behind
 * "cas:" (or "cas:k0", which stands for that of k0). Answers: OPCODE STATUS [EXTRAS] KEY =VALUE; of
 * what is not text, the hexadecimal digits behind #.
 */
#define FLAGS_5	  "[0000000500000000]"
#define STORE_K0  "01 " FLAGS_5 " k0 =ab\n"
#define STORE_N0  "01 [0000000000000000] n0 =10\n"
#define NUMBERS	  "[0000000000000005000000000000000700000000]"
#define NO_SEED	  "[00000000000000050000000000000007ffffffff]"
#define NOOP	  "0a\n"
#define NOOP_OK	  "0a 00\n"
#define MISSING	  " 01 =Not found\n"
#define PRESENT	  " 02 =Data exists for key.\n"
#define INVALID	  " 04 =Invalid arguments\n"
#define UNSTORED  " 05 =Not stored.\n"
#define UNKNOWN	  " 81 =Unknown command\n"
#define NO_NUMBER " 06 =Non-numeric server-side value for incr or decr\n"

static const struct named_case binary_cases_named[] = {
	{"binary_get", SAME, STORE_K0, "00 k0\n", "00 00 [00000005] =ab\n"},
	{"binary_get_error", SAME, "", "00 k0\n00 [00] k0\n", "00" MISSING "00" INVALID},
	{"binary_getq", SAME, STORE_K0, "09 k0\n09 k1\n" NOOP, "09 00 [00000005] =ab\n" NOOP_OK},
	{"binary_getq_error", SAME, "", "09\n", "09" INVALID},
	{"binary_getk", SAME, STORE_K0, "0c k0\n0c k1\n", "0c 00 [00000005] k0 =ab\n0c 01 k1\n"},
	{"binary_getk_error", SAME, "", "0c k1 =v\n", "0c" INVALID},
	{"binary_getkq", SAME, STORE_K0, "0d k0\n0d k1\n" NOOP,
	 "0d 00 [00000005] k0 =ab\n" NOOP_OK},
	{"binary_getkq_error", SAME, "", "0d [00] k1\n", "0d" INVALID},
	{"binary_set", SAME, "", STORE_K0 "00 k0\n", "01 00\n00 00 [00000005] =ab\n"},
	{"binary_set_error", SAME, STORE_K0, "01 " FLAGS_5 " k0 cas:987654321 =v\n01 k0 =v\n",
	 "01" PRESENT "01" INVALID},
	{"binary_setq", SAME, "", "11 " FLAGS_5 " k0 =ab\n00 k0\n", "00 00 [00000005] =ab\n"},
	{"binary_setq_error", SAME, STORE_K0, "11 " FLAGS_5 " k0 cas:987654321 =v\n11 k0 =v\n",
	 "11" PRESENT "11" INVALID},
	{"binary_add", SAME, "", "02 " FLAGS_5 " k0 =ab\n00 k0\n", "02 00\n00 00 [00000005] =ab\n"},
	{"binary_add_error", SAME, STORE_K0, "02 " FLAGS_5 " k0 =v\n02 k0 =v\n",
	 "02" PRESENT "02" INVALID},
	{"binary_addq", SAME, "", "12 " FLAGS_5 " k0 =ab\n00 k0\n", "00 00 [00000005] =ab\n"},
	{"binary_addq_error", SAME, STORE_K0, "12 " FLAGS_5 " k0 =v\n12 k0\n",
	 "12" PRESENT "12" INVALID},
	{"binary_replace", SAME, STORE_N0, "03 " FLAGS_5 " n0 =ab\n00 n0\n",
	 "03 00\n00 00 [00000005] =ab\n"},
	{"binary_replace_error", SAME, "", "03 " FLAGS_5 " k0 =v\n03 k0 =v\n",
	 "03" MISSING "03" INVALID},
	{"binary_replaceq", SAME, STORE_N0, "13 " FLAGS_5 " n0 =ab\n00 n0\n",
	 "00 00 [00000005] =ab\n"},
	{"binary_replaceq_error", SAME, "", "13 " FLAGS_5 " k0 =v\n13 k0 =v\n",
	 "13" MISSING "13" INVALID},
	{"binary_append", SAME, STORE_K0, "0e k0 =cd\n00 k0\n", "0e 00\n00 00 [00000005] =abcd\n"},
	{"binary_append_error", SAME, "", "0e k0 =v\n0e [00] k0 =v\n", "0e" UNSTORED "0e" INVALID},
	{"binary_appendq", SAME, STORE_K0, "19 k0 =cd\n00 k0\n", "00 00 [00000005] =abcd\n"},
	{"binary_appendq_error", SAME, "", "19 k0 =v\n19 [00] k0 =v\n", "19" UNSTORED "19" INVALID},
	{"binary_prepend", SAME, STORE_K0, "0f k0 =cd\n00 k0\n", "0f 00\n00 00 [00000005] =cdab\n"},
	{"binary_prepend_error", SAME, "", "0f k0 =v\n0f [00] k0 =v\n", "0f" UNSTORED "0f" INVALID},
	{"binary_prependq", SAME, STORE_K0, "1a k0 =cd\n00 k0\n", "00 00 [00000005] =cdab\n"},
	{"binary_prependq_error", SAME, "", "1a k0 =v\n1a [00] k0 =v\n",
	 "1a" UNSTORED "1a" INVALID},
	{"binary_delete", SAME, STORE_K0, "04 k0\n00 k0\n", "04 00\n00" MISSING},
	{"binary_delete_error", SAME, STORE_K0, "04 k1\n04 k0 cas:987654321\n04 [00] k0\n",
	 "04" MISSING "04" PRESENT "04" INVALID},
	{"binary_deleteq", SAME, STORE_K0, "14 k0\n00 k0\n", "00" MISSING},
	{"binary_deleteq_error", SAME, "", "14 k1\n14\n", "14" MISSING "14" INVALID},
	{"binary_increment", SAME, STORE_N0, "05 " NUMBERS " n0\n05 " NUMBERS " n1\n",
	 "05 00 #000000000000000f\n05 00 #0000000000000007\n"},
	{"binary_increment_error", SAME, STORE_K0, "05 " NO_SEED " n1\n05 " NUMBERS " k0\n05 n0\n",
	 "05" MISSING "05" NO_NUMBER "05" INVALID},
	{"binary_incrementq", SAME, STORE_N0, "15 " NUMBERS " n0\n00 n0\n",
	 "00 00 [00000000] =15\n"},
	{"binary_incrementq_error", SAME, STORE_K0, "15 " NUMBERS " k0\n15 n0\n",
	 "15" NO_NUMBER "15" INVALID},
	{"binary_decrement", SAME, STORE_N0, "06 " NUMBERS " n0\n06 " NUMBERS " n0\n",
	 "06 00 #0000000000000005\n06 00 #0000000000000000\n"},
	{"binary_decrement_error", SAME, STORE_K0, "06 " NO_SEED " n1\n06 " NUMBERS " k0\n06 n0\n",
	 "06" MISSING "06" NO_NUMBER "06" INVALID},
	{"binary_decrementq", SAME, "01 [0000000000000000] n0 =17\n", "16 " NUMBERS " n0\n00 n0\n",
	 "00 00 [00000000] =12\n"},
	{"binary_decrementq_error", SAME, STORE_K0, "16 " NUMBERS " k0\n16 n0\n",
	 "16" NO_NUMBER "16" INVALID},
	{"binary_touch", SAME, STORE_K0, "1c [00000064] k0\n", "1c 00 [00000005]\n"},
	{"binary_touch_error", SAME, "", "1c [00000064] k0\n1c k0\n", "1c" MISSING "1c" INVALID},
	{"binary_gat", SAME, STORE_K0, "1d [00000064] k0\n", "1d 00 [00000005] =ab\n"},
	{"binary_gat_error", SAME, "", "1d [00000064] k0\n1d k0\n", "1d" MISSING "1d" INVALID},
	{"binary_gatq", SAME, STORE_K0, "1e [00000064] k0\n1e [00000064] k1\n" NOOP,
	 "1e 00 [00000005] =ab\n" NOOP_OK},
	{"binary_gatq_error", SAME, "", "1e k0\n", "1e" INVALID},
	{"binary_gatk", SAME, STORE_K0, "23 [00000064] k0\n", "23 00 [00000005] k0 =ab\n"},
	{"binary_gatk_error", SAME, "", "23 [00000064] k1\n23 k0\n", "23 01 k1\n23" INVALID},
	{"binary_gatkq", SAME, STORE_K0, "24 [00000064] k0\n24 [00000064] k1\n" NOOP,
	 "24 00 [00000005] k0 =ab\n" NOOP_OK},
	{"binary_gatkq_error", SAME, "", "24 k0\n", "24" INVALID},
	{"binary_flush", SAME, STORE_K0, "08\n00 k0\n", "08 00\n00" MISSING},
	{"binary_flush_error", SAME, "", "08 [00]\n", "08" INVALID},
	{"binary_flushq", SAME, STORE_K0, "18 [00000000]\n00 k0\n", "00" MISSING},
	{"binary_flushq_error", SAME, "", "18 k0\n", "18" INVALID},
	{"binary_noop", SAME, "", "0a\n", "0a 00\n"},
	{"binary_noop_error", SAME, "", "0a k0\n", "0a" INVALID},
	{"binary_version", SAME, "", "0b\n", "0b 00 =1.6.18\n"},
	{"binary_version_error", SAME, "", "0b [00]\n", "0b" INVALID},
	{"binary_quit", SAME, "", "07\n0a\n", "07 00\n"},
	{"binary_quit_error", SAME, "", "07 k0\n", "07" INVALID},
	{"binary_quitq", SAME, "", "0a\n17\n0a\n", "0a 00\n"},
	{"binary_quitq_error", SAME, "", "17 k0\n", "17" INVALID},
	{"binary_stat", SAME, "", "10 reset\n", "10 00\n"},
	{"binary_stat_error", SAME, "", "10 nope\n10 [00]\n", "10" MISSING "10" INVALID},
	{"binary_sasl_list_error", SAME, "", "20\n", "20" UNKNOWN},
	{"binary_sasl_auth_error", SAME, "", "21 PLAIN =abc\n", "21" UNKNOWN},
	{"binary_sasl_step_error", SAME, "", "22 PLAIN =abc\n", "22" UNKNOWN},
	{"binary_unknown_error", SAME, "", "50\n0a\n", "50" UNKNOWN NOOP_OK},
};

#undef SAME
#undef OURS

#endif

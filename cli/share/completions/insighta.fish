complete -c insighta -f -a "(insighta __complete -- (commandline -opc)[2..] (commandline -ct) 2>/dev/null)"

# cmake -D FOLDER=... -D WORK=FOLDER -P build_console.cmake: makes the page and its assets, plain and compressed.
#
# With npm from its sources, in WORK, with what build_client.cmake has installed. Without npm a page that was built before
# (app/dist) is taken. Where neither is there the build goes on: "/" then answers 404, and this says so.
set(console ${CMAKE_CURRENT_LIST_DIR})
set(built_before ${console}/app/dist)
file(REMOVE_RECURSE ${FOLDER}/assets)
file(REMOVE ${FOLDER}/index.html ${FOLDER}/index.html.gz)

function(take from)
  file(COPY ${from}/ DESTINATION ${FOLDER})
endfunction()

find_program(node node)
if(node AND EXISTS ${console}/node_modules/vite AND EXISTS ${console}/node_modules/@vitejs/plugin-vue)
  execute_process(COMMAND ${node} ${console}/node_modules/vite/bin/vite.js build --outDir ${WORK}/app --logLevel warn
    WORKING_DIRECTORY ${console}/app RESULT_VARIABLE failed)
  if(failed)
    message(FATAL_ERROR "the console does not build")
  endif()
  take(${WORK}/app)
elseif(EXISTS ${built_before}/index.html)
  take(${built_before})
  message(NOTICE "zwsbridge: there is nothing here to build the console with; that of an earlier build is taken (${built_before})")
else()
  message(NOTICE "zwsbridge: there is nothing here to build the console with, so this build has none; all else is complete. "
    "For the console: apt-get install nodejs npm, then build again.")
endif()
file(TOUCH ${FOLDER}/console.stamp)
